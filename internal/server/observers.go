package server

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/audit"
	"github.com/millrace/millrace/internal/trace"
)

// observers are told of calls beside the metrics: the audit log and the tracer.
// Both may be nil.
type observers struct {
	audit  *audit.Log
	tracer *trace.Tracer
	now    func() time.Time
}

// openObservers opens what the settings ask for.
func (s *Server) openObservers(ctx context.Context) (err error) {
	s.observers.now = s.now
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
		if o.audit != nil && !a.Media {
			o.audit.Write(o.record(a))
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

// record is what the audit log keeps of a call. What somebody unknown has asked
// for is not kept.
func (o *observers) record(a api.Answered) audit.Record {
	r := audit.Record{
		Time: o.now(), RequestID: a.RequestID, Operation: a.Operation, Stream: a.Stream.String(),
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
