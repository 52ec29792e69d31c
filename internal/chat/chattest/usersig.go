package chattest

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// ticket is the JSON inside a UserSig (https://www.tencentcloud.com/document/product/1047/34385).
type ticket struct {
	Version    string  `json:"TLS.ver"`
	Identifier *string `json:"TLS.identifier"`
	AppID      *int64  `json:"TLS.sdkappid"`
	Expire     *int64  `json:"TLS.expire"` // seconds from Time
	Time       *int64  `json:"TLS.time"`   // Unix seconds
	UserBuf    *string `json:"TLS.userbuf"`
	Sig        []byte  `json:"TLS.sig"`
}

// verify holds the call's UserSig against the app's key, the call's own parameters and the clock. The signature
// comes before the expiry, since nothing in a ticket counts before it is verified.
func verify(req request, key string, now time.Time) *refusal {
	t, ok := decode(req.userSig)
	switch {
	case !ok:
		return &refusal{70003, "the UserSig cannot be parsed"}
	case *t.AppID != req.app:
		return &refusal{70014, "the UserSig is of another SDKAppID"}
	case *t.Identifier != req.identifier:
		return &refusal{70013, "the UserSig is of another identifier"}
	case !hmac.Equal(t.sign(key), t.Sig):
		return &refusal{70009, "the UserSig cannot be verified: it may be of another app's key"}
	case now.Unix() > *t.Time+*t.Expire:
		return &refusal{70001, "the UserSig has expired"}
	}
	return nil
}

// decode takes a UserSig apart. It has been URL-decoded once: one that was escaped twice does not decode.
func decode(userSig string) (t ticket, ok bool) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-"
	if strings.ContainsAny(userSig, "\r\n") { // which the decoder would skip
		return t, false
	}
	packed, err := base64.NewEncoding(alphabet).WithPadding('_').DecodeString(userSig)
	if err != nil {
		return t, false
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return t, false
	}
	const most = 64 << 10 // a ticket has a few hundred bytes; what unpacks to more is none
	text, err := io.ReadAll(io.LimitReader(z, most))
	if err != nil || json.Unmarshal(text, &t) != nil {
		return t, false
	}
	complete := t.Identifier != nil && t.AppID != nil && t.Expire != nil && t.Time != nil && t.Sig != nil
	return t, complete && t.Version == "2.0"
}

// sign computes what the ticket's signature must be.
func (t ticket) sign(key string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n",
		*t.Identifier, *t.AppID, *t.Time, *t.Expire)
	if t.UserBuf != nil {
		fmt.Fprintf(mac, "TLS.userbuf:%s\n", *t.UserBuf)
	}
	return mac.Sum(nil)
}
