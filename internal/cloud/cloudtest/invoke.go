package cloudtest

import "encoding/json"

// Limits of an event, by https://www.tencentcloud.com/document/product/583/17243.
const (
	mostEvent      = 6 << 20
	mostAsyncEvent = 128 << 10
)

// https://www.tencentcloud.com/document/product/583/17243. The codes are those of
// https://github.com/TencentCloud/tencentcloud-sdk-go/blob/master/tencentcloud/scf/v20180416/errors.go.
func (s *Server) invoke(body []byte, _ Fault) (map[string]any, *refusal) {
	var in struct{ FunctionName, InvocationType, Qualifier, ClientContext, LogType, Namespace, RoutingKey string }
	if refused := read(body, &in); refused != nil {
		return nil, refused
	}
	most := mostEvent
	switch in.InvocationType {
	case "":
		in.InvocationType = "RequestResponse"
	case "RequestResponse":
	case "Event":
		most = mostAsyncEvent
	default:
		return nil, refuse("InvalidParameterValue.InvokeType", "The InvocationType %s does not exist.", in.InvocationType)
	}
	if in.ClientContext == "" {
		in.ClientContext = "{}"
	}
	function, known := s.o.Functions[in.FunctionName]
	switch {
	case in.FunctionName == "":
		return nil, refuse("MissingParameter", "FunctionName is missing.")
	case in.Namespace != "" && in.Namespace != "default":
		return nil, refuse("ResourceNotFound.Namespace", "The namespace %s does not exist.", in.Namespace)
	case in.Qualifier != "" && in.Qualifier != "$LATEST":
		return nil, refuse("ResourceNotFound.FunctionVersion", "The version %s does not exist.", in.Qualifier)
	case !known:
		return nil, refuse("ResourceNotFound.FunctionName", "The function %s does not exist.", in.FunctionName)
	case in.LogType != "" && in.LogType != "None" && in.LogType != "Tail":
		return nil, refuse("InvalidParameterValue", "The LogType %s does not exist.", in.LogType)
	case len(in.ClientContext) > most:
		return nil, refuse("InvalidParameter.Payload", "The event has more than %d bytes.", most)
	case !json.Valid([]byte(in.ClientContext)):
		return nil, refuse("InvalidParameterValue.Param", "The event is not JSON.")
	}
	outcome := function(Invocation{in.InvocationType, json.RawMessage(in.ClientContext)})
	if in.InvocationType == "Event" {
		outcome = Outcome{}
	}
	if in.LogType != "Tail" {
		outcome.Log = ""
	}
	return map[string]any{"Result": map[string]any{
		"RetMsg": outcome.Returned, "ErrMsg": outcome.Error, "InvokeResult": outcome.Code, "Log": outcome.Log,
		"Duration": outcome.DurationMS, "BillDuration": int64(outcome.DurationMS), "MemUsage": outcome.Memory,
		"FunctionRequestId": FunctionRequestID,
	}}, nil
}

// FunctionRequestID is that of every invocation.
const FunctionRequestID = "6add56fa-58f1-11e8-89a9-5254005d5fdb"
