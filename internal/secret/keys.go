package secret

// Keys are the keys of one principal of Tencent Cloud, for COS and for its API alike. A temporary key, such as a role's, has
// a token.
type Keys struct {
	ID, Key, Token String
}
