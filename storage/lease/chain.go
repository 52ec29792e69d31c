package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chatlake/storage"
)

// Store is what a lease needs of a [storage.Store], by the same contract.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, body []byte) error
	Create(ctx context.Context, key string, body []byte) error
	Now() time.Time
}

// freeRecord is what generation 0 always holds, and what repairs a damaged one.
const freeRecord = `{"released":true}`

// record is one generation as stored.
type record struct {
	Owner    string    `json:"owner,omitempty"` // the run's id, for people
	Token    string    `json:"token,omitempty"` // tells the acquirer among all
	Expires  time.Time `json:"expires,omitzero"`
	Released bool      `json:"released"`
}

func parseRecord(body []byte) (r record, err error) {
	if err := json.Unmarshal(body, &r); err != nil {
		return r, err
	}
	if !r.Released && (r.Token == "" || r.Expires.IsZero()) {
		return r, errors.New("it names neither an owner with an expiry nor a release")
	}
	return r, nil
}

func (r record) encode() []byte {
	body, err := json.Marshal(r)
	if err != nil {
		panic(err) // a year past 9999, which no deadline has
	}
	return body
}

// hint is the object that saves a search: all generations up to it exist.
type hint struct {
	Generation int64 `json:"generation"`
}

// chain is the generations in a store.
type chain struct {
	store  Store
	prefix string
}

func (c chain) key(generation int64) string { return c.prefix + storage.LeaseKey(generation) }

// get returns a generation, and whether there is one. One that cannot be read is an error: it may be held.
func (c chain) get(ctx context.Context, generation int64) (record, bool, error) {
	key := c.key(generation)
	body, err := c.store.Get(ctx, key)
	if errors.Is(err, storage.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	r, err := parseRecord(body)
	if err != nil {
		return r, false, fmt.Errorf("%s is no record of a lease (%w): once no run is under way, overwrite it with %s", key, err, freeRecord)
	}
	return r, true, nil
}

// hinted returns the generation that the hint leads to, if there is a readable hint and it leads to one.
func (c chain) hinted(ctx context.Context) (int64, record, bool, error) {
	body, err := c.store.Get(ctx, c.prefix+storage.LeaseHint)
	if errors.Is(err, storage.ErrNotExist) {
		return 0, record{}, false, nil
	}
	if err != nil {
		return 0, record{}, false, err
	}
	var h hint
	if json.Unmarshal(body, &h) != nil || h.Generation <= 0 {
		return 0, record{}, false, nil
	}
	r, found, err := c.get(ctx, h.Generation)
	return h.Generation, r, found, err
}

// putHint makes the next acquirer's search short. Without it the search is longer, so a failure is nobody's concern.
func (c chain) putHint(ctx context.Context, generation int64) {
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	body, err := json.Marshal(hint{generation})
	if err == nil {
		_ = c.store.Put(ctx, c.prefix+storage.LeaseHint, body)
	}
}

// newest returns the newest generation, given one that exists, in a number of reads that grows with the logarithm of the
// distance. It rests on the chain having no holes.
func (c chain) newest(ctx context.Context, at int64, r record) (int64, record, error) {
	gap := int64(1)
	for {
		next, found, err := c.get(ctx, at+gap)
		if err != nil {
			return 0, r, err
		}
		if !found {
			break
		}
		at, r = at+gap, next
		gap *= 2
	}
	for gap > 1 { // at exists and at+gap does not
		half := gap / 2
		next, found, err := c.get(ctx, at+half)
		switch {
		case err != nil:
			return 0, r, err
		case found:
			at, r, gap = at+half, next, gap-half
		default:
			gap = half
		}
	}
	return at, r, nil
}
