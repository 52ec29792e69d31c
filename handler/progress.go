package handler

import "sync"

// Progress says how far a stage of a run is.
type Progress struct {
	Stage               Stage
	Done, Total, Failed int
}

// Stage is a part of a run that takes its time. Its last word is what it counts.
type Stage string

const (
	Pulling   Stage = "pulling apps"
	Merging   Stage = "merging days"
	Replaying Stage = "rebuilding days"
)

// tells returns what to call when more of a stage's total are done, and how many of them failed, from any goroutine.
func (r *run) tells(stage Stage, total int) func(done, failed int) {
	if r.job.Progress == nil {
		return func(int, int) {}
	}
	var mu sync.Mutex
	p := Progress{Stage: stage, Total: total}
	return func(done, failed int) {
		mu.Lock()
		defer mu.Unlock()
		p.Done += done
		p.Failed += failed
		r.job.Progress(p)
	}
}
