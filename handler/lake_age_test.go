package handler_test

import (
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
)

// TestCostDoesNotGrowWithTheLake holds that a run asks as much of COS for a lake of ten years as for one of a month: a GET for each
// day that the API has, a PUT for each that changed, and a dozen for the lease, the archive and the summary.
func TestCostDoesNotGrowWithTheLake(t *testing.T) {
	const aDozen = 12
	count := func(t *testing.T, years int) (gets, puts, others int) {
		inWorld(t, func(w *world) {
			w.mustRun(w.timer())
			w.age(years)
			before := len(w.bucket.Requests())
			time.Sleep(24 * time.Hour)
			s := w.mustRun(w.timer())
			for _, r := range w.bucket.Requests()[before:] {
				switch r.Method {
				case "GET":
					gets++
				case "PUT":
					puts++
				default:
					others++
				}
			}
			changed := len(s.Partitions.Written)
			t.Logf("%d changed days: %d GET, %d PUT, %d others", changed, gets, puts, others)
			if changed == 0 || gets+puts+others > chattest.Days+changed+aDozen {
				t.Errorf("that is more than a day's GET each, %d PUT and %d", changed, aDozen)
			}
		})
		return gets, puts, others
	}
	var month, decade [3]int
	t.Run("month", func(t *testing.T) { month[0], month[1], month[2] = count(t, 0) })
	t.Run("decade", func(t *testing.T) { decade[0], decade[1], decade[2] = count(t, 10) })
	t.Cleanup(func() { // once both have run
		if month != decade {
			t.Errorf("GET, PUT and others for a month: %v, for ten years: %v", month, decade)
		}
	})
}

// age gives the lake the days and the runs of so many years before its first. A file is one of another day, so that whoever reads
// it fails.
func (w *world) age(years int) {
	keys := w.bucket.Keys(prefix + "app_daily_stats/")
	file, _ := w.bucket.Get(keys[0])
	for i := range years * 365 {
		day := time.Now().AddDate(0, 0, -40-i).Format(time.DateOnly)
		w.bucket.Put(partitionKey(day), file)
		w.bucket.Put(prefix+"_runs/dt="+day+"/20160101T000000Z-00000000.json", []byte("no summary"))
		w.bucket.Put(prefix+"_raw/dt="+day+"/20160101T000000Z-00000000.ndjson.gz", []byte("no archive"))
	}
}
