package handler

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
)

// pulled is what came of one app.
type pulled struct {
	app      chat.App
	rows     []stats.Row // of the days asked for, each day once
	refused  []string    // of the same days: each row's day, where it has one, and the reason
	attempts int
	err      *RunError
}

// pullApp pulls one app and reads its rows.
func pullApp(ctx context.Context, client *chat.Client, app chat.App, r request) pulled {
	p := pulled{app: app}
	answer, err := client.AppInfo(ctx, app, r.fields)
	p.attempts = answer.Attempts
	if err != nil {
		p.err = pullError(app, err)
		return p
	}
	p.readRows(answer, r)
	return p
}

func pullError(app chat.App, err error) *RunError {
	e := &RunError{AppID: app.ID, Stage: stagePull, Message: err.Error()}
	var failed *chat.Error
	if errors.As(err, &failed) {
		e.Code, e.Message, e.Retryable, e.Attempts = failed.Code, failed.Message(), failed.Retryable, failed.Attempts
		if failed.Parse {
			e.Stage = stageParse
		}
	}
	return e
}

// readRows reads an answer's entries. A day that comes twice with the same values is one row; with different values
// all of its rows are refused, since nothing says which is right.
func (p *pulled) readRows(answer chat.Answer, r request) {
	type entry struct {
		row stats.Row
		err error
	}
	byDay := make(map[stats.Day][]entry, len(answer.Entries))
	var order []stats.Day
	for _, raw := range answer.Entries {
		row, err := stats.Parse(p.app.ID, raw)
		if err != nil && (row.Day == 0 || errors.Is(err, stats.ErrOtherApp)) {
			if row.Day == 0 || r.wants(row.Day) {
				p.refuse(row.Day, err)
			}
			continue
		}
		if !r.wants(row.Day) {
			continue
		}
		if byDay[row.Day] == nil {
			order = append(order, row.Day)
		}
		byDay[row.Day] = append(byDay[row.Day], entry{row, err})
	}
	for _, day := range order {
		entries := byDay[day]
		var clash error
		for _, e := range entries[1:] {
			if e.err != nil || entries[0].err != nil || !e.row.SameValues(&entries[0].row) {
				clash = fmt.Errorf("the answer has the day %d times, with different values", len(entries))
			}
		}
		if clash == nil && entries[0].err == nil {
			p.rows = append(p.rows, entries[0].row)
			continue
		}
		for _, e := range entries {
			p.refuse(day, errors.Join(e.err, clash))
		}
	}
}

func (p *pulled) refuse(day stats.Day, err error) {
	reason := strings.ReplaceAll(err.Error(), "\n", "; ")
	if day != 0 {
		reason = day.String() + ": " + reason
	}
	p.refused = append(p.refused, reason)
}
