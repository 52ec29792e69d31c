// Package storage is the lake: where things lie, how a day's rows are kept as Parquet, how new rows are merged into
// them, and the two places that hold objects, a COS bucket and a directory.
//
// Failure model: an object is replaced whole or not at all, so a run that is killed leaves every day's file as it was
// or complete. A day's key is derived from the day and never looked up by listing, since a COS listing is only
// eventually consistent (https://cloud.tencent.com/document/product/436/30614). A stored file that cannot be read is
// never overwritten. Two writers at once are not this package's to prevent: a merge reads, then writes.
package storage

import (
	"context"
	"errors"
)

// ErrNotExist is what a [Store] answers for a key without an object.
var ErrNotExist = errors.New("no such object")

// Store holds whole objects by key; a key's parts are separated by slashes. Its methods retry what is worth it, end
// with the context, and are safe for concurrent use. Their errors name the operation and the key.
type Store interface {
	// Get returns the object, checked against the store's checksum where it has one. An error that is ErrNotExist
	// says that the store surely has no object there.
	Get(ctx context.Context, key string) ([]byte, error)

	// Put replaces the object at once: a reader sees the old one or the new one, whole. On return it is durable;
	// after an error it may have been replaced all the same.
	Put(ctx context.Context, key string, body []byte) error
}
