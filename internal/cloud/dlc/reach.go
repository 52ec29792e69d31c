package dlc

import (
	"context"
	"errors"

	"chatlake/internal/cloud"
)

// Reach asks DLC for a task that it does not know, which costs and changes nothing. Any answer of its own shows that it can be
// reached in the client's region with the client's keys, unless it is about them.
func Reach(ctx context.Context, c *cloud.Client) error {
	const noTask = "00000000-0000-0000-0000-000000000000"
	err := c.Call(ctx, service, version, "DescribeTaskResult", map[string]any{"TaskId": noTask}, nil)
	var answer *cloud.Error
	if !errors.As(err, &answer) || answer.Code == "" {
		return err
	}
	for _, code := range []string{"AuthFailure", "UnauthorizedOperation", "UnsupportedRegion", "NoSuchProduct", "RequestLimitExceeded", "InternalError"} {
		if answer.HasCode(code) {
			return err
		}
	}
	return nil
}
