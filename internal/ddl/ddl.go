// Package ddl prints what an analyst pastes into a query engine to see the lake as a table: the table itself, how its days
// become known to the engine, and how to filter.
//
// Columns, types and comments derive from [stats.Columns] alone, the folder from package storage. Each engine's statements
// are a template, since they are text to be read; the engine's file in this package has its types and says, with the
// public page, why they are what they are.
//
// The package computes text and touches nothing. It fails on what the caller named: an unknown engine, a table name that
// is none, a lake that the engine cannot reach. The text holds no credential, only places for them such as <SecretId>.
// Every statement ends with a semicolon at a line's end, and no comment has one.
package ddl

import (
	"embed"
	"fmt"
	"strings"
	"text/template"

	"chatlake/internal/stats"
	"chatlake/storage"
)

// Engine is a query engine that statements can be printed for.
type Engine struct {
	Name    string
	Summary string // one line, for a list
	Table   string // name of the table where the caller gives none

	dialect  dialect
	types    func(stats.Kind) string // nil for a view, whose types are those of what is under it
	minParts int                     // of a table's name: table, database.table, catalog.database.table
	maxParts int
	local    bool // reads a lake in a directory
	globs    string
	folder   func(storage.Location) string
}

// Engines returns the engines in the order in which they are listed.
func Engines() []Engine {
	return []Engine{dlc(), trino(), spark(), hive(), clickHouse(), duckDB(), starRocks()}
}

// Find returns the engine of that name, or an error that lists them all.
func Find(name string) (Engine, error) {
	var names []string
	for _, e := range Engines() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Engine{}, fmt.Errorf("unknown engine %q: choose one of %s", name, strings.Join(names, ", "))
}

// Statements returns the statements for the lake. An empty table stands for the engine's own default; otherwise it is a
// plain name, or one after its database, or after catalog and database, as far as the engine has them.
func (e Engine) Statements(lake storage.Location, table string) (string, error) {
	p, err := e.page(lake, table)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := templates().ExecuteTemplate(&b, e.Name+".sql.tmpl", p); err != nil {
		return "", fmt.Errorf("failed to print the statements for %s: %w", e.Name, err)
	}
	return b.String(), nil
}

//go:embed templates/*.tmpl
var files embed.FS

func templates() *template.Template {
	return template.Must(template.ParseFS(files, "templates/*.tmpl"))
}

// page is what a template is filled with. Names, types and texts are quoted as the engine wants them.
type page struct {
	Database string // empty where the name has none
	Table    string
	Under    string // the table under a view, for engines that need both
	Columns  []column
	Comment  string // of the table
	Day      column // the partition column
	Folder   string // the table's folder, as the engine writes it
	Files    string // all files of the table, as a pattern
	Local    bool
	COS      storage.Bucket

	// The name's parts for procedures, which take schema and table as text.
	Catalog, SchemaText, TableText string
}

type column struct {
	Name, Type, Comment string
	IsTime              bool
	Comma               string // what follows in a list that ends with the last of the columns
}

const (
	tableComment = "Operations data of Tencent Chat apps: one row an app and day"
	dayComment   = "the day as its folder is named, YYYY-MM-DD: a filter on it reads the files of those days only"
)

func (e Engine) page(lake storage.Location, table string) (page, error) {
	if table == "" {
		table = e.Table
	}
	name, err := e.parseName(table)
	if err != nil {
		return page{}, err
	}
	p := page{Comment: e.dialect.text(tableComment), Local: lake.Bucket == nil}
	if p.Local && !e.local {
		return page{}, fmt.Errorf("%s reads a lake in COS, not in a directory", e.Name)
	}
	if !p.Local {
		if p.COS, err = bucketOf(lake); err != nil {
			return page{}, err
		}
	}
	folder := e.folder(lake)
	if err := e.checkFolder(folder); err != nil {
		return page{}, err
	}
	p.Folder, p.Files = e.dialect.text(folder), e.dialect.text(folder+"dt=*/*.parquet")

	last := len(name) - 1
	p.Table, p.Database = e.dialect.name(name...), e.dialect.name(name[:last]...)
	p.Under = e.dialect.name(append(name[:last:last], name[last]+"_files")...)
	p.TableText = e.dialect.text(name[last])
	if last > 0 {
		p.SchemaText, p.Catalog = e.dialect.text(name[last-1]), e.dialect.name(name[:last-1]...)
	}
	fields := stats.Columns()
	for i, f := range fields {
		c := column{
			Name: e.dialect.name(f.Column), Comment: e.dialect.text(f.Description),
			IsTime: f.Kind == stats.Timestamp, Comma: ",",
		}
		if e.types != nil {
			c.Type = e.types(f.Kind)
		}
		if i == len(fields)-1 {
			c.Comma = ""
		}
		p.Columns = append(p.Columns, c)
	}
	p.Day = column{Name: e.dialect.name("dt"), Comment: e.dialect.text(dayComment)}
	return p, nil
}

// Structure returns the columns' names and types as one text literal, the form in which ClickHouse's table functions take
// a schema.
func (p page) Structure() string {
	columns := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		columns[i] = c.Name + " " + c.Type
	}
	return clickHouse().dialect.text(strings.Join(columns, ",\n   "))
}
