// Package endpoint reads the base URLs that a configuration may have in place of a public service's: https, or plain http
// where nothing leaves this machine.
package endpoint

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// Parse reads a base URL, which may have a path. The URL has no slash at its end, and its host is in lower case, as
// signatures want it. An error does not quote the text, since a URL may hold credentials.
func Parse(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("is not a base URL")
	}
	if !isSafe(u) {
		return nil, errUnsafe
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// ParseHook reads the URL of a webhook, whose path and query may hold its secret. An error does not quote it.
func ParseHook(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("is not the URL of a webhook")
	}
	if !isSafe(u) {
		return nil, errUnsafe
	}
	return u, nil
}

var errUnsafe = errors.New("must be https, or http on a loopback address")

func isSafe(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
}

// IsLoopback reports whether a host is this machine's own.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
