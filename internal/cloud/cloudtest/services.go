package cloudtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

const publicDomain = ".tencentcloudapi.com"

// action is one that the emulator knows, by service, version and name.
type action struct{ service, version, name string }

type handle func(s *Server, body []byte, fault Fault) (map[string]any, *refusal)

func (s *Server) handler(a action) (handle, *refusal) {
	versions := map[string]string{"ssm": "2019-09-23", "dlc": "2021-01-25", "scf": "2018-04-16"}
	handles := map[action]handle{
		{"ssm", "2019-09-23", "ListSecretVersionIds"}: (*Server).listSecretVersionIDs,
		{"ssm", "2019-09-23", "GetSecretValue"}:       (*Server).getSecretValue,
		{"dlc", "2021-01-25", "CreateTask"}:           (*Server).createTask,
		{"dlc", "2021-01-25", "DescribeTaskResult"}:   (*Server).describeTaskResult,
		{"scf", "2018-04-16", "Invoke"}:               (*Server).invoke,
	}
	switch version, known := versions[a.service]; {
	case !known:
		return nil, refuse("NoSuchProduct", "The product %s does not exist.", a.service)
	case version != a.version:
		return nil, refuse("NoSuchVersion", "The version %s does not exist.", a.version)
	case handles[a] == nil:
		return nil, refuse("InvalidAction", "The action %s does not exist.", a.name)
	}
	return handles[a], nil
}

func (s *Server) serve(r *http.Request, body []byte, call Call, fault Fault) (map[string]any, *refusal) {
	if refused := s.verify(r, body); refused != nil {
		return nil, refused
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" || r.Method != http.MethodPost {
		return nil, refuse("InvalidRequest", "Only POST with application/json is emulated.")
	}
	if of, public := strings.CutSuffix(r.Host, publicDomain); public && of != call.Service {
		return nil, refuse("NoSuchProduct", "This is the host of %s.", of)
	}
	if call.Action == "" || call.Version == "" {
		return nil, refuse("MissingParameter", "X-TC-Action or X-TC-Version is missing.")
	}
	handle, refused := s.handler(action{call.Service, call.Version, call.Action})
	switch {
	case refused != nil:
		return nil, refused
	case call.Region == "":
		return nil, refuse("MissingParameter", "X-TC-Region is missing.")
	case s.o.Region != "" && s.o.Region != call.Region:
		return nil, refuse("UnsupportedRegion", "The region %s is not supported.", call.Region)
	}
	right := call.Service + ":" + call.Action
	if right == "scf:Invoke" {
		right = "scf:InvokeFunction" // https://www.tencentcloud.com/document/product/598/57149
	}
	if s.o.Allowed != nil && !slices.Contains(s.o.Allowed, right) {
		return nil, refuse("UnauthorizedOperation", "you are not authorized to perform operation (%s)", right)
	}
	return handle(s, body, fault)
}

func read(body []byte, into any) *refusal {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refuse("UnknownParameter", "%v", err)
	}
	return nil
}

// https://www.tencentcloud.com/document/product/1078/38647
func (s *Server) listSecretVersionIDs(body []byte, _ Fault) (map[string]any, *refusal) {
	var in struct{ SecretName string }
	if refused := read(body, &in); refused != nil {
		return nil, refused
	}
	versions, ok := s.o.Secrets[in.SecretName]
	if !ok {
		return nil, refuse("ResourceNotFound.SecretNotExist", "The secret %s does not exist.", in.SecretName)
	}
	var list []map[string]any
	for _, v := range versions {
		list = append(list, map[string]any{"VersionId": v.ID, "CreateTime": v.Created.Unix()})
	}
	return map[string]any{"SecretName": in.SecretName, "Versions": list}, nil
}

// https://www.tencentcloud.com/document/product/1078/38649
func (s *Server) getSecretValue(body []byte, _ Fault) (map[string]any, *refusal) {
	var in struct {
		SecretName string
		VersionID  string `json:"VersionId"`
	}
	if refused := read(body, &in); refused != nil {
		return nil, refused
	}
	versions, ok := s.o.Secrets[in.SecretName]
	if !ok {
		return nil, refuse("ResourceNotFound.SecretNotExist", "The secret %s does not exist.", in.SecretName)
	}
	if len(versions) == 0 && in.VersionID == "SSM_Current" {
		versions = []Version{{ID: in.VersionID, Text: ProductSecret}}
	}
	for _, v := range versions {
		if v.ID == in.VersionID {
			return map[string]any{
				"SecretName": in.SecretName, "VersionId": v.ID,
				"SecretString": v.Text, "SecretBinary": base64.StdEncoding.EncodeToString(v.Binary),
			}, nil
		}
	}
	return nil, refuse("ResourceNotFound", "The secret %s has no version %s.", in.SecretName, in.VersionID)
}

// ProductSecret is the text of a secret without versions.
const ProductSecret = `{"UserName":"app","Password":"kept-by-the-product"}`

// task is one of DLC's, with the state that it will end in.
type task struct {
	polls   int
	state   int
	message string
}

// https://www.tencentcloud.com/document/product/1155/49009
func (s *Server) createTask(body []byte, fault Fault) (map[string]any, *refusal) {
	type statement struct{ SQL string }
	var in struct {
		Task                                                   struct{ SQLTask, SparkSQLTask *statement }
		DatabaseName, DatasourceConnectionName, DataEngineName string
	}
	if refused := read(body, &in); refused != nil {
		return nil, refused
	}
	kind, given := "SparkSQLTask", in.Task.SparkSQLTask
	if given == nil {
		kind, given = "SQLTask", in.Task.SQLTask
	}
	if given == nil || in.Task.SparkSQLTask != nil && in.Task.SQLTask != nil {
		return nil, refuse("InvalidParameter.ParameterNotFoundOrBeNone", "Task must have one of SQLTask and SparkSQLTask.")
	}
	engine := "spark"
	if s.o.Engines != nil {
		engine = s.o.Engines[in.DataEngineName]
	}
	switch {
	case in.DataEngineName == "" || engine == "":
		return nil, refuse("ResourceNotFound.DataEngineNotFound", "The specified engine does not exist.")
	case (engine == "spark") != (kind == "SparkSQLTask"):
		return nil, refuse("InvalidParameter.InvalidTaskType", "The TaskType is incorrect.")
	}
	sql, err := base64.StdEncoding.DecodeString(given.SQL)
	if err != nil || len(sql) == 0 {
		return nil, refuse("InvalidParameter.SQLBase64DecodeFail", "Base64 parsing of the SQL script failed.")
	}
	t := &task{state: 2, message: "success"}
	switch {
	case fault.TaskFailure != "":
		t.state, t.message = -1, fault.TaskFailure
	case fault.TaskCancel:
		t.state, t.message = -3, "canceled"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("e386471f-139a-4e59-877f-%012d", len(s.tasks)+1)
	s.tasks[id] = t
	s.statements = append(s.statements, Statement{
		TaskID: id, Kind: kind, Engine: in.DataEngineName,
		Datasource: in.DatasourceConnectionName, Database: in.DatabaseName, SQL: string(sql),
	})
	return map[string]any{"TaskId": id}, nil
}

// https://www.tencentcloud.com/document/product/1155/49003
func (s *Server) describeTaskResult(body []byte, fault Fault) (map[string]any, *refusal) {
	var in struct {
		TaskID string `json:"TaskId"`
	}
	if refused := read(body, &in); refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[in.TaskID]
	if t == nil || fault.TaskUnknown {
		return map[string]any{"TaskInfo": nil}, nil
	}
	info := map[string]any{"TaskId": in.TaskID, "SQLType": "DDL", "State": t.state, "OutputMessage": t.message, "ResultSchema": nil, "ResultSet": nil}
	if t.polls < s.o.Polls {
		underWay := []int{0, 4, 1, 3}
		info["State"], info["OutputMessage"] = underWay[t.polls%len(underWay)], ""
	}
	t.polls++
	return map[string]any{"TaskInfo": info}, nil
}
