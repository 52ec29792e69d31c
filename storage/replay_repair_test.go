package storage_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"chatlake/storage"
)

func TestReplayRepairs(t *testing.T) {
	pulls := []pull{{1, appA, `"LoginTimes":"1"`}, {2, appA, `"LoginTimes":"2"`}, {2, appB, `"X":"y"`}}
	const damagedKey = "_damaged/dt=2026-11-24/the-repair.parquet"
	intact := &memory{}
	runs(t, intact, pulls...)
	file := intact.objects[dayKey]
	for name, damaged := range map[string][]byte{
		"empty": {}, "truncated": file[:len(file)-1], "garbage": []byte("<html>503</html>"), "long": bytes.Repeat([]byte{0}, 50_000),
		"an app twice": write(t, []key{{appA, int32(day)}, {appA, int32(day)}}), "another day": write(t, []key{{appA, int32(day) + 1}}),
	} {
		t.Run(name, func(t *testing.T) {
			m := holding(damaged)
			var refused *storage.DamagedError
			if got, err := replay(t, m, "", pulls...); !errors.As(err, &refused) || m.puts > 0 {
				t.Errorf("without a repair: %+v, %v, %d writes", got, err, m.puts)
			}
			if got, err := replayIn(t, storage.NewLake(m, "", true), "the-repair", pulls...); err != nil || got.Inserted != 2 || m.puts > 0 {
				t.Errorf("dry: %+v, %v, %d writes", got, err, m.puts)
			}
			got, err := replay(t, m, "the-repair", pulls...)
			if err != nil || countsOf(got) != (counts{inserted: 2, written: true}) {
				t.Fatalf("%+v, %v", got, err)
			}
			wantRows(t, stored(t, m), stored(t, intact))
			if kept := m.objects[damagedKey]; !bytes.Equal(kept, damaged) || m.puts != 2 {
				t.Errorf("%d of %d bytes are kept, after %d writes", len(kept), len(damaged), m.puts)
			}
			if len(m.objects[dayKey]) <= len(damaged) {
				t.Errorf("%d bytes in place of %d", len(m.objects[dayKey]), len(damaged))
			}
		})
	}
}

// sparing is a store that takes so many writes.
type sparing struct {
	*memory
	left int
}

func (s *sparing) Put(ctx context.Context, key string, body []byte) error {
	if s.left--; s.left < 0 {
		return errRefused
	}
	return s.memory.Put(ctx, key, body)
}

func TestReplayFailsWithItsStore(t *testing.T) {
	for writes := range 2 {
		damaged := []byte("damaged")
		s := &sparing{holding(damaged), writes}
		if got, err := replay(t, s, "the-repair", pull{1, appA, ``}); !errors.Is(err, errRefused) {
			t.Errorf("%d writes: %+v, %v", writes, got, err)
		}
		if !bytes.Equal(s.objects[dayKey], damaged) {
			t.Errorf("%d writes: the file was replaced", writes)
		}
	}
	m := &memory{}
	runs(t, m, pull{1, appA, ``})
	if got, err := replay(t, refusing{m, true}, "the-repair", pull{2, appA, `"LoginTimes":"1"`}, pull{2, appB, ``}); !errors.Is(err, errRefused) || m.puts != 1 {
		t.Errorf("%+v, %v, %d writes", got, err, m.puts)
	}
}
