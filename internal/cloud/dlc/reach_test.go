package dlc_test

import (
	"testing"
	"testing/synctest"

	"chatlake/internal/cloud"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/cloud/dlc"
	"chatlake/internal/secret"
)

func TestReach(t *testing.T) {
	for name, test := range map[string]struct {
		fault   *cloudtest.Fault
		key     string
		reached bool
	}{
		"a task that is not known":        {nil, "the key", true},
		"a code for it":                   {&cloudtest.Fault{Code: "ResourceNotFound"}, "the key", true},
		"a code for its form":             {&cloudtest.Fault{Code: "InvalidParameter.InvalidTaskId"}, "the key", true},
		"no right":                        {&cloudtest.Fault{Code: "UnauthorizedOperation"}, "the key", false},
		"another region":                  {&cloudtest.Fault{Code: "UnsupportedRegion"}, "the key", false},
		"a wrong key":                     {nil, "another key", false},
		"an error of its own, every time": {&cloudtest.Fault{Code: "InternalError"}, "the key", false},
		"an answer of something else":     {&cloudtest.Fault{Body: []byte("<html>")}, "the key", false},
		"no answer":                       {&cloudtest.Fault{Drop: true}, "the key", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Fault = func(cloudtest.Call) *cloudtest.Fault { return test.fault }
				server := cloudtest.New(o)
				keys := secret.Keys{ID: secret.New(o.ID), Key: secret.New(test.key), Token: secret.New(o.Token)}
				c, err := cloud.New(keys, o.Region, "", server)
				if err != nil {
					t.Fatal(err)
				}
				if err := dlc.Reach(t.Context(), c); (err == nil) != test.reached {
					t.Errorf("error %v", err)
				}
				if n := len(server.Statements()); n != 0 {
					t.Errorf("%d statements", n)
				}
			})
		})
	}
}
