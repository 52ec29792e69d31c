package chattest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"chatlake/internal/stats"
)

// refusal is an API error: HTTP status 200 and a code in the answer.
type refusal struct {
	code int
	info string
}

func (f *refusal) write(w http.ResponseWriter, status int) {
	writeJSON(w, status, map[string]any{"ActionStatus": "FAIL", "ErrorCode": f.code, "ErrorInfo": f.info})
}

// The documents give two codes for each of these and do not say when which comes, so a client must know both:
// the app's ID decides.

func unknownApp(id int64) *refusal {
	return &refusal{either(id, 70020, 70016), "no such SDKAppID or key here: check the data centre"}
}

func notAdmin(id int64) *refusal {
	return &refusal{either(id, 60010, 70403), "the call needs an App admin account"}
}

func tooOften(id int64) *refusal {
	return &refusal{either(id, 60007, 60011), "called too often"}
}

func either(id int64, even, odd int) int {
	if id%2 == 0 {
		return even
	}
	return odd
}

// answer plays the fault and reports whether that was the answer.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) bool {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	if f.Hang && !f.Drop {
		<-r.Context().Done()
	}
	if f.Drop || f.Hang {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), f.Header)
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	switch {
	case f.Body != nil:
		w.WriteHeader(status)
		_, _ = w.Write(f.Body) // the client may have gone
	case f.Code != 0:
		(&refusal{f.Code, f.Info}).write(w, status)
	case f.Status != 0:
		http.Error(w, http.StatusText(status), status)
	default:
		return false
	}
	return true
}

// rows makes the rows of the days that the service has, in an order that is never the calendar's: newest first, for
// odd app IDs with the others shuffled.
func (s *Server) rows(a arrival, fields []string) []map[string]any {
	asOf := s.now()
	today := stats.DayIn(asOf, stats.Beijing)
	last := today - 1
	if s.today {
		last = today
	}
	var rows []map[string]any
	for day := last; day >= today-Days; day-- {
		if values := a.data(a.app, day, asOf); values != nil {
			rows = append(rows, choose(values, day, fields))
		}
	}
	if a.app.ID%2 != 0 {
		for i := len(rows) - 1; i > 1; i-- {
			j := 1 + noise(a.app.ID, stats.Day(i), "order", int64(i))
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	return rows
}

// choose keeps the fields that were asked for, and Date, which comes in any case. AppId does not.
func choose(values map[string]any, day stats.Day, fields []string) map[string]any {
	row := maps.Clone(values)
	if fields != nil {
		maps.DeleteFunc(row, func(name string, _ any) bool { return name != "Date" && !slices.Contains(fields, name) })
	}
	if _, ok := row["Date"]; !ok {
		row["Date"] = date(day)
	}
	return row
}

// date writes a day as the API does.
func date(day stats.Day) string { return day.Time().Format("20060102") }

func writeRows(w http.ResponseWriter, rows []map[string]any) {
	writeJSON(w, http.StatusOK, map[string]any{"ErrorCode": 0, "ErrorInfo": "OK", "Result": rows})
}

// writeNoData answers for an app without rows. No page says how, so the app's ID decides.
func writeNoData(w http.ResponseWriter, id int64) {
	answer := map[string]any{"ErrorCode": 0, "ErrorInfo": "OK"}
	switch id % 3 {
	case 0:
		answer["Result"] = nil
	case 1:
		answer["Result"] = []any{}
	}
	writeJSON(w, http.StatusOK, answer)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		http.Error(w, fmt.Sprintf("the emulator's answer is no JSON: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may have gone
}
