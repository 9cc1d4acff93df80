package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/audit"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/trace"
)

// observers are told of calls beside the metrics: the audit log and the tracer.
// Both may be nil.
type observers struct {
	audit     *audit.Log
	tracer    *trace.Tracer
	now       func() time.Time
	strangers *limit.Requests // the rate of records of calls by nobody known
	omitted   atomic.Int64    // of those, since one was written
}

// strangersPerSecond is how many records there may be in a second of calls by
// nobody known: whoever reaches the server could fill its disk with them.
const strangersPerSecond = 50

// written reports whether a call belongs into the audit log, and how many before
// it were left out.
func (o *observers) written(a api.Answered) (omitted int, ok bool) {
	if a.Media {
		return 0, false
	}
	if a.Principal.KeyID != "" {
		return 0, true
	}
	if o.strangers.Admit("", "strangers", "") != nil {
		o.omitted.Add(1)
		return 0, false
	}
	return int(o.omitted.Swap(0)), true
}

// openObservers opens what the settings ask for.
func (s *Server) openObservers(ctx context.Context) (err error) {
	s.observers.now = s.now
	s.observers.strangers = limit.NewRequests(map[string]limit.Rate{"": {Account: strangersPerSecond}}, s.now)
	if s.cfg.AuditLog != "" {
		if s.observers.audit, err = audit.Open(s.cfg.AuditLog, s.logger); err != nil {
			return err
		}
	}
	s.state.metrics.total("audit", "lost_total", "Records of control calls that could not be written.", func() float64 {
		if s.observers.audit == nil {
			return 0
		}
		return float64(s.observers.audit.Lost())
	})
	if s.cfg.OTLPEndpoint != "" {
		s.observers.tracer, err = trace.New(ctx, s.cfg.OTLPEndpoint, release(), s.logger)
	}
	return err
}

// callEvents are the hooks by which calls tell.
func (s *Server) callEvents() api.Events {
	o := &s.observers
	events := api.Events{Answered: func(a api.Answered) {
		s.state.metrics.calls.answered(a)
		if o.audit != nil {
			o.write(a)
		}
		if o.tracer != nil {
			o.tracer.End(a.Request.Context(), a.Stream.String(), a.Code, a.Status)
		}
	}}
	if o.tracer != nil {
		events.Began, events.Step = o.tracer.Begin, o.tracer.Step
	}
	return events
}

// write writes a call to the audit log, if it belongs there.
func (o *observers) write(a api.Answered) {
	if omitted, ok := o.written(a); ok {
		r := o.record(a)
		r.Omitted = omitted
		o.audit.Write(r)
	}
}

// record is what the audit log keeps of a call. What somebody unknown has asked
// for is not kept.
func (o *observers) record(a api.Answered) audit.Record {
	r := audit.Record{
		Time: o.now(), RequestID: a.RequestID, Operation: a.Operation, Stream: a.Stream.String(), Subject: a.Subject,
		Principal: a.Principal.ARN, AccessKeyID: a.Principal.KeyID,
		SourceAddress: a.Request.RemoteAddr, UserAgent: a.Request.UserAgent(), ErrorCode: a.Code, ErrorMessage: a.Message,
	}
	if r.AccessKeyID != "" {
		r.Parameters = a.Body
	}
	if a.Changes {
		r.Result = a.Result
	}
	return r
}

// reopen opens the audit log anew.
func (o *observers) reopen() error {
	if o.audit == nil {
		return nil
	}
	return o.audit.Reopen()
}

// closeObservers sends and closes what is open. That traces are lost is no failure.
func (s *Server) closeObservers() error {
	if t := s.observers.tracer; t != nil {
		if err := t.Close(); err != nil {
			s.logger.Warn("traces were lost", "err", err)
		}
	}
	if a := s.observers.audit; a != nil {
		if err := a.Close(); err != nil {
			return fmt.Errorf("close audit log: %w", err)
		}
	}
	return nil
}
