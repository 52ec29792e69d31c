package handler

import (
	"fmt"
	"testing"

	"chatlake/internal/stats"
)

// BenchmarkSpool keeps a day's rows until they are merged: through memory, and for many apps through the temporary file.
func BenchmarkSpool(b *testing.B) {
	const day = stats.Day(20781)
	for _, apps := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("apps=%d", apps), func(b *testing.B) {
			row := stats.NewRow(0, day)
			row.Texts = [2]string{"Harbour Chat", "Harbour Ltd"}
			for i := range row.Counters {
				row.Counters[i] = int64(i) * 1009 * 1009
			}
			b.ReportAllocs()
			for b.Loop() {
				s := newSpool()
				for i := range apps {
					row.AppID = 1400000000 + int64(i)
					s.add(row)
				}
				if rows, err := s.day(day); err != nil || len(rows) != apps {
					b.Fatal(len(rows), err)
				}
				s.close()
			}
			b.ReportMetric(float64(apps)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
