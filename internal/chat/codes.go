package chat

// class says what is to be done about an error code.
type class uint8

const (
	classUnknown   class = iota // no public page has it: retry a little, then give up on the app
	classRequest                // our request is malformed: a bug, or an endpoint that is not the API
	classConfig                 // the app's configuration or plan has to change
	classRetry                  // a fault of the server's that passes
	classThrottled              // called too often
	classExpired                // the UserSig has expired: once more with a new one
	className                   // a host that does not exist: once more, since a resolver that fails may say so too
)

type code struct {
	class   class
	meaning string
	advice  string // what to do; empty where the class says it all
}

const (
	checkRegion  = "check that region is where the app was created: other regions don't know it"
	checkKey     = "check secret_key against the console (Chat > application > basic information), and that region is where the app was created"
	checkAdmin   = "set identifier to an App admin account of this app (the console creates administrator)"
	checkBuild   = "check endpoint and sdk_app_id; if they are right, this is a bug of chatlake"
	laterRun     = "a later run pulls the same days again"
	slowDown     = "lower CHATLAKE_QPS if other programs call this API too; " + laterRun
	checkAppHere = "check sdk_app_id, and " + checkRegion
)

// codes are the public error codes that this call can give.
//
// Sources: https://cloud.tencent.com/document/product/679/131708 and the call's own page,
// https://www.tencentcloud.com/document/product/1047/34886.
var codes = map[int]code{
	60002:  {classRequest, "the HTTP request could not be parsed", checkBuild},
	60003:  {classRequest, "the request's JSON could not be parsed", checkBuild},
	60004:  {classConfig, "the account or the signature in the URL or body is wrong", checkKey},
	60005:  {classConfig, "the account or the signature in the URL or body is wrong", checkKey},
	60006:  {classConfig, "the SDKAppID is not valid", checkAppHere},
	60007:  {classThrottled, "the API was called too often", slowDown},
	60008:  {classRetry, "the server timed out", laterRun},
	60009:  {classRequest, "the request's path or format is not the API's", checkBuild},
	60010:  {classConfig, "the call needs an App admin account", checkAdmin},
	60011:  {classThrottled, "the API was called too often", slowDown},
	60012:  {classRequest, "the SDKAppID is missing in the request", checkBuild},
	60013:  {classRetry, "the server had a bad answer from within", laterRun},
	60014:  {classRetry, "the server timed out while exchanging tickets", laterRun},
	60015:  {classRequest, "the account's type is wrong", checkBuild},
	60016:  {classConfig, "the SDKAppID is disabled", "enable the app in the console, or take it out of CHATLAKE_APPS"},
	60017:  {classConfig, "requests are disabled for this app", "enable the app in the console, or take it out of CHATLAKE_APPS"},
	60018:  {classThrottled, "the API was called too often", slowDown},
	60019:  {classThrottled, "the API was called too often", slowDown},
	60020:  {classConfig, "the app's plan has expired", "renew the plan in the console before the days pass out of the API's reach"},
	60021:  {classConfig, "the caller's IP address is not allowed", "add the function's outbound address to the app's allow list, or give the function a fixed one"},
	70001:  {classExpired, "the UserSig has expired", "check the clock of the machine that runs chatlake"},
	70003:  {classConfig, "the UserSig can't be parsed", checkKey},
	70009:  {classConfig, "the UserSig can't be verified", checkKey},
	70013:  {classConfig, "the UserSig is for another identifier", checkAdmin + ", and " + checkRegion},
	70014:  {classConfig, "the UserSig is for another SDKAppID", "check that secret_key belongs to sdk_app_id, and " + checkRegion},
	70016:  {classConfig, "the app's key was not found", checkRegion},
	70020:  {classConfig, "the SDKAppID was not found", checkAppHere},
	70050:  {classConfig, "the UserSig was wrong too often", checkKey + "; the API refuses this app for a minute"},
	70051:  {classConfig, "the identifier is black-listed", checkAdmin},
	70107:  {classConfig, "the identifier does not exist", checkAdmin},
	70169:  {classRetry, "the server timed out", laterRun},
	70202:  {classRetry, "the server timed out", laterRun},
	70402:  {classRequest, "a parameter is not valid", "check the request's fields; if they are right, this is a bug of chatlake"},
	70403:  {classConfig, "the call needs an App admin account", checkAdmin},
	70500:  {classRetry, "the server failed within", laterRun},
	130001: {classRequest, "the request's JSON could not be parsed", checkBuild},
	130009: {classRetry, "the server could not open its database", laterRun},
	130010: {classRetry, "the server could not reach its database", laterRun},
	130011: {classRetry, "the server could not query its database", laterRun},
	130012: {classRetry, "the server could not parse its database's answer", laterRun},
}

// regions are the API's domains.
//
// Sources: the call's page of today (no Mumbai) and of 2024 (no Tokyo), above; an app lives in the region that was
// chosen at its creation.
var regions = map[string]string{
	"china":          "console.tim.qq.com",
	"singapore":      "adminapisgp.im.qcloud.com",
	"seoul":          "adminapikr.im.qcloud.com",
	"frankfurt":      "adminapiger.im.qcloud.com",
	"mumbai":         "adminapiind.im.qcloud.com",
	"silicon-valley": "adminapiusa.im.qcloud.com",
	"jakarta":        "adminapiidn.im.qcloud.com",
	"tokyo":          "adminapijpn.im.qcloud.com",
}
