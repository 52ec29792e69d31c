package handler

import "slices"

// Variable is a variable of the environment that a run reads.
type Variable struct {
	Name    string
	Meaning string // a few words; README says the whole
	Default string // "" for none
}

// Variables returns the variables that a run reads.
func Variables() []Variable {
	return []Variable{
		{"CHATLAKE_LAKE", "where the lake is (required): https://BUCKET-APPID.cos.REGION.myqcloud.com/PREFIX or file:///DIR", ""},
		{"CHATLAKE_APPS", "the apps (required): a JSON array, or where it is: file:PATH, cos:KEY or ssm:SECRET", ""},
		{"CHATLAKE_QPS", "calls per second to the Chat API, 1 to 200", "200"},
		{"CHATLAKE_CONCURRENCY", "calls in flight, 1 to 512", "64"},
		{"CHATLAKE_RAW", "on or off: keep each answer in the raw archive", "on"},
		{"CHATLAKE_FAIL_ON", "which failures fail the run: any, all or never", "any"},
		{"CHATLAKE_CATALOG", "dlc://ENGINE/DATABASE.TABLE, with which new days are registered", "none"},
		{"CHATLAKE_ALERT_URL", "a webhook, such as a WeCom group robot's, that is told of trouble; a secret", "none"},
		{"CHATLAKE_API_ENDPOINT", "stands in for *.tencentcloudapi.com", "the public one"},
		{"CHATLAKE_LOG_LEVEL", "debug, info, warn or error", "info"},
		{"TENCENTCLOUD_SECRETID", "id of the keys for COS and Secrets Manager; SCF sets all three", ""},
		{"TENCENTCLOUD_SECRETKEY", "the key itself", ""},
		{"TENCENTCLOUD_SESSIONTOKEN", "the token, of temporary keys only", ""},
		{"TENCENTCLOUD_SECRET_ID", "the id, as other programs spell it", ""},
		{"TENCENTCLOUD_SECRET_KEY", "the key, likewise", ""},
		{"TENCENTCLOUD_TOKEN", "the token, likewise", ""},
		{"TENCENTCLOUD_SECURITY_TOKEN", "the token, as Terraform spells it", ""},
		{"TENCENTCLOUD_REGION", "where Secrets Manager and DLC are", "the lake's region"},
	}
}

func isVariable(name string) bool {
	return slices.ContainsFunc(Variables(), func(v Variable) bool { return v.Name == name })
}
