package cloud

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"chatlake/internal/secret"
)

const (
	ssm        = "ssm"
	ssmVersion = "2019-09-23"
	ssmCurrent = "SSM_Current"
)

// https://www.tencentcloud.com/document/product/1078/38656
var secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// Secret fetches the newest version of a secret from Secrets Manager: its text, or its binary value's bytes.
//
// GetSecretValue wants a version's id (https://www.tencentcloud.com/document/product/1078/38649). It knows a name for the
// current one, SSM_Current, for the credentials of Tencent's own products only; a user's own secret has up to ten
// versions with ids of the user's choice. So the versions are listed first, by
// https://www.tencentcloud.com/document/product/1078/38647, and the one that was created last is fetched; SSM_Current
// where the list is empty or refused. The role needs ssm:GetSecretValue and, for a user's own secrets,
// ssm:ListSecretVersionIds.
func Secret(ctx context.Context, c *Client, name string) (secret.String, error) {
	if !secretName.MatchString(name) {
		return secret.String{}, fmt.Errorf("%s is not a secret's name: letters, digits, - and _, at most 128, the first a letter or digit", secret.Show(name))
	}
	version, listErr := newestVersion(ctx, c, name)
	var refused *Error
	if listErr != nil {
		listErr = fmt.Errorf("failed to list the versions of secret %s: %w", name, listErr)
		if !errors.As(listErr, &refused) || refused.Code == "" {
			return secret.String{}, listErr
		}
		version = ssmCurrent
	}
	shown := c.Clean(version)
	var value struct {
		SecretString, SecretBinary secret.String
	}
	err := c.Call(ctx, ssm, ssmVersion, "GetSecretValue", map[string]any{"SecretName": name, "VersionId": version}, &value)
	switch {
	case err != nil && listErr != nil:
		return secret.String{}, listErr
	case err != nil:
		return secret.String{}, fmt.Errorf("failed to fetch secret %s (version %s): %w", name, shown, err)
	case !value.SecretString.IsZero():
		return value.SecretString, nil
	case value.SecretBinary.IsZero():
		return secret.String{}, fmt.Errorf("secret %s (version %s) is empty", name, shown)
	}
	plain, err := base64.StdEncoding.DecodeString(value.SecretBinary.Reveal())
	if err != nil {
		return secret.String{}, fmt.Errorf("secret %s (version %s): its binary value is not base64", name, shown)
	}
	return secret.New(string(plain)), nil
}

func newestVersion(ctx context.Context, c *Client, name string) (string, error) {
	type version struct {
		VersionID  string `json:"VersionId"`
		CreateTime int64  // Unix time
	}
	var list struct{ Versions []version }
	if err := c.Call(ctx, ssm, ssmVersion, "ListSecretVersionIds", map[string]any{"SecretName": name}, &list); err != nil {
		return "", err
	}
	if len(list.Versions) == 0 {
		return ssmCurrent, nil
	}
	// Of two that were made within one second the first counts: the service's own list runs from new to old.
	newest := slices.MaxFunc(list.Versions, func(a, b version) int { return cmp.Compare(a.CreateTime, b.CreateTime) })
	return newest.VersionID, nil
}
