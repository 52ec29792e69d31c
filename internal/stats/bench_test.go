package stats_test

import (
	"encoding/json"
	"testing"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// A run of 10,000 apps parses 300,000 rows.
func BenchmarkParse(b *testing.B) {
	day := stats.Day(20000)
	entry, err := json.Marshal(chattest.Values(chattest.App{ID: app}, day, day.Time()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(entry)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.Parse(app, entry); err != nil {
			b.Fatal(err)
		}
	}
}
