// Package storage is the lake: where things lie, how a day's rows are kept as Parquet, how new rows are merged into
// them, and the two places that hold objects, a COS bucket and a directory.
//
// Failure model: an object is replaced whole or not at all, so a run that is killed leaves every day's file as it was
// or complete. A day's key is derived from the day and never looked up by listing, since a COS listing is only
// eventually consistent (https://cloud.tencent.com/document/product/436/30614). A stored file that cannot be read is
// never overwritten, but by a repair, which keeps it. Two writers at once are not this package's to prevent: a merge reads, then writes.
package storage

import (
	"context"
	"errors"
	"time"
)

// Sentinels of a [Store].
var (
	ErrNotExist = errors.New("no such object")
	ErrExist    = errors.New("the object exists already")
)

// Store holds whole objects by key; a key's parts are separated by slashes. Its methods retry what is worth it, end
// with the context, and are safe for concurrent use. Their errors name the operation and the key.
type Store interface {
	// Get returns the object, checked against the store's checksum where it has one. An error that is ErrNotExist
	// says that the store surely has no object there.
	Get(ctx context.Context, key string) ([]byte, error)

	// Put replaces the object at once: a reader sees the old one or the new one, whole. On return it is durable;
	// after an error it may have been replaced all the same.
	Put(ctx context.Context, key string, body []byte) error

	// Create puts an object where there is none, and answers ErrExist where there is one. That error does not say whose
	// it is: it may be this call's own, whose answer was lost on the first attempt. A bucket that ever had versioning
	// replaces the object instead, and says nothing (https://github.com/lance-format/lance/issues/6595).
	Create(ctx context.Context, key string, body []byte) error

	// List returns the keys with the prefix that come after a key, in order, as far as the store knows them by now: a new
	// one may be missing for a while.
	List(ctx context.Context, prefix, after string) ([]string, error)

	// Now returns the store's own clock, by which those who share it agree on when a thing is over. It may be behind by
	// the second to which a server states it and the time that its newest answer took, but not ahead.
	Now() time.Time
}
