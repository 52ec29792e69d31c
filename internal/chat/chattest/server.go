package chattest

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"chatlake/internal/stats"
)

// Server is the emulator: an [http.Handler] that needs no listener and is safe for concurrent use. Served through
// itself it is the domain of every region at once.
type Server struct {
	now, wall func() time.Time
	today     bool
	qps       int

	mu     sync.Mutex
	apps   map[int64]App
	fault  func(Call) *Fault
	data   func(App, stats.Day, time.Time) map[string]any
	calls  []Call
	perApp map[int64]int
	oldest int // index in calls of the first one within the second before the newest
	peak   int
}

var _ http.Handler = (*Server)(nil)

// New returns an emulator. Of two apps with the same ID the later one counts.
func New(o Options) *Server {
	s := &Server{now: o.Now, wall: o.Wall, today: o.Today, qps: o.QPS, perApp: make(map[int64]int)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.wall == nil {
		s.wall = time.Now
	}
	s.SetApps(o.Apps...)
	s.SetFault(o.Fault)
	s.SetData(o.Data)
	return s
}

// SetApps replaces the apps. Calls that have arrived stay counted.
func (s *Server) SetApps(apps ...App) {
	byID := make(map[int64]App, len(apps))
	for _, a := range apps {
		if a.Identifier == "" {
			a.Identifier = "administrator"
		}
		byID[a.ID] = a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = byID
}

// SetFault replaces Options.Fault.
func (s *Server) SetFault(f func(Call) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// SetData replaces Options.Data.
func (s *Server) SetData(f func(app App, day stats.Day, asOf time.Time) map[string]any) {
	if f == nil {
		f = Values
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = f
}

// Calls returns all calls so far in the order in which they arrived.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// PeakPerSecond returns the largest number of calls that arrived within any one second. It counts arrivals, which
// the scheduler may have pushed together: a client that sends exactly N a second can be seen with a few more.
func (s *Server) PeakPerSecond() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// Handler returns the domain of one region. It knows the apps of that region and those without one; to another
// region's app it answers 70016 or 70020, by the app's ID, as the service's domains do.
func (s *Server) Handler(region string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, region) })
}

// ServeHTTP serves the call without regard to regions.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "") }

func (s *Server) serve(w http.ResponseWriter, r *http.Request, region string) {
	var body []byte
	if r.Body != nil {
		const most = 1 << 20
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, most)); err != nil {
			body = nil // refused as no JSON
		}
	}
	req, refused := parse(r, body)
	arrived := s.arrive(Call{App: req.app, Region: region, Fields: req.fields})

	var fault Fault
	if arrived.fault != nil {
		if f := arrived.fault(arrived.call); f != nil {
			fault = *f
		}
	}
	if fault.answer(w, r) {
		return
	}
	switch {
	case arrived.over:
		refused = tooOften(req.app)
	case refused == nil:
		refused = s.admit(req, arrived, region)
	}
	if refused != nil {
		refused.write(w, http.StatusOK)
		return
	}
	rows := s.rows(arrived, req.fields)
	if fault.Rows != nil {
		writeRows(w, fault.Rows(rows))
		return
	}
	if len(rows) == 0 {
		writeNoData(w, req.app)
		return
	}
	writeRows(w, rows)
}

// arrival is a call with what the emulator was set to when it arrived.
type arrival struct {
	call  Call
	over  bool // the call is one too many within its second
	app   App
	known bool
	fault func(Call) *Fault
	data  func(App, stats.Day, time.Time) map[string]any
}

// arrive counts the call and stamps it.
func (s *Server) arrive(c Call) arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perApp[c.App]++
	c.N, c.NApp, c.At = len(s.calls)+1, s.perApp[c.App], time.Now()
	s.calls = append(s.calls, c)
	for c.At.Sub(s.calls[s.oldest].At) >= time.Second {
		s.oldest++
	}
	inSecond := len(s.calls) - s.oldest
	s.peak = max(s.peak, inSecond)
	app, known := s.apps[c.App]
	return arrival{
		call: c, over: s.qps > 0 && inSecond > s.qps,
		app: app, known: known, fault: s.fault, data: s.data,
	}
}
