package simtest_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

const (
	bucketHost = "lake-1250000000.cos.ap-singapore.myqcloud.com"
	chatHost   = "adminapisgp.im.qcloud.com"
	prefix     = "data/"
	tableDir   = prefix + "app_daily_stats/"
)

var bucketKey = costest.Credentials{SecretID: "id-of-the-role", SecretKey: "key-of-the-role", SessionToken: "token-of-the-role"}

// world is one seed's Chat API, bucket, runs and oracle.
type world struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand // decides what happens; the test's own goroutine alone uses it
	bucket *costest.Server
	api    *service
	gate   *gate
	table  *table
	books  *books

	configured []int64 // apps in CHATLAKE_APPS
	runs       []*run
	ids        map[string]int      // runs' numbers by their IDs
	holder     *run                // the run that came past the lease last
	known      map[int64]stats.Day // each app's first day that a run's coverage is sure to have
	rawKeys    map[*run]string
	lastTimer  time.Time
	soak       *soak  // nil but in the soak
	latest     string // the run whose summary is the newest
	overlap    string // what two writers at once did
	versioned  bool
	log        []string
}

// newWorld makes a world of two or three apps at some time of a day.
func newWorld(t *testing.T, seed uint64) *world {
	w := openWorld(t, seed)
	w.api = newService(w, 2+w.rng.IntN(2))
	w.api.sow()
	w.configured = w.api.ids()
	if w.chance(0.4) {
		w.leaveOlderFile()
	}
	return w
}

// openWorld makes a world without an API.
func openWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), ids: make(map[string]int), rawKeys: make(map[*run]string), known: make(map[int64]stats.Day)}
	begin := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.rng.IntN(24*3600)) * time.Second)
	time.Sleep(time.Until(begin))
	w.versioned = w.chance(0.2)
	w.bucket = costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}, Versioned: w.versioned})
	w.table, w.books = newTable(w), newBooks(w)
	w.gate = openGate(w)
	return w
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// roll returns a source of decisions that depends on the seed and on what is to be decided alone.
func (w *world) roll(about ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintln(h, about...)
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, time.Now().UTC().Format("01-02 15:04:05.000  ")+fmt.Sprintf(format, args...))
}

// wrong reports a broken promise. Like note it is called while no other goroutine of the bubble runs.
func (w *world) wrong(format string, args ...any) {
	w.t.Helper()
	text := fmt.Sprintf(format, args...)
	w.note("WRONG: %s", text)
	w.t.Error(text)
}

// mustStand ends the test where a promise is broken already: what follows would only be noise.
func (w *world) mustStand() {
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// end closes the world, and tells a failed one's history.
func (w *world) end() {
	w.gate.close()
	if w.t.Failed() {
		const most = 2000
		again := fmt.Sprintf("-run TestSimulation -sim.from=%d -sim.seeds=1", w.seed)
		if w.soak != nil {
			again = w.soak.again()
		}
		w.t.Logf("again: go test ./handler/simtest %s\n%s", again, strings.Join(w.log[max(0, len(w.log)-most):], "\n"))
	}
}

// env is what a run finds in its environment.
func (w *world) env(r *run) map[string]string {
	list := make([]map[string]any, len(r.apps))
	for i, id := range r.apps {
		list[i] = map[string]any{"sdk_app_id": id, "secret_key": keyOf(id), "region": "singapore"}
	}
	apps, err := json.Marshal(list)
	if err != nil {
		w.t.Fatal(err)
	}
	return map[string]string{
		"CHATLAKE_LAKE":             "https://" + bucketHost + "/" + prefix,
		"CHATLAKE_APPS":             string(apps),
		"CHATLAKE_RAW":              r.raw,
		"TENCENTCLOUD_SECRETID":     bucketKey.SecretID,
		"TENCENTCLOUD_SECRETKEY":    bucketKey.SecretKey,
		"TENCENTCLOUD_SESSIONTOKEN": bucketKey.SessionToken,
	}
}

func keyOf(app int64) string { return fmt.Sprintf("secret-of-%d", app) }

func today() stats.Day { return stats.DayIn(time.Now(), stats.Beijing) }
