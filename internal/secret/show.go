package secret

import (
	"fmt"
	"regexp"
	"unicode/utf8"
)

// Tencent Cloud's own keys have 32 characters and more, a UserSig and an app's key 64 and more.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]{0,24}$`)

// Show returns a text that came from a user for an error about it: in quotes where it is a short word, such as a name that
// was misspelt, and else only how long it is, since a secret may have been put in the wrong place.
func Show(text string) string {
	if plainWord.MatchString(text) {
		return `"` + text + `"`
	}
	return fmt.Sprintf("(%d characters, not printed since they may be a secret)", utf8.RuneCountInString(text))
}
