package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
)

// MediaConfig is what the media calls are made of.
type MediaConfig struct {
	Streams  store.Streams
	Store    store.Media
	Tail     *tail.Tail
	Sessions *ingest.Sessions
	Egress   *egress.Egress

	Requests *limit.Requests // the rates of operations; nil: they have none
	Account  string          // whose requests they are

	// MaxReaders is how many GetMedia calls a stream may have at once; 0 means
	// any number.
	MaxReaders int

	// MaxListReaders is how many GetMediaForFragmentList calls a stream may have
	// at once; 0 means any number.
	MaxListReaders int

	Archive *Archive // for GetMediaForFragmentList, which must not be called where it is nil

	// MaxCalls is how many media calls there may be at once, of all streams; 0
	// means any number.
	MaxCalls int

	// WriteTimeout is how long each write waits for a client;
	// wire.DefaultWriteTimeout if zero.
	WriteTimeout time.Duration

	// Renew returns a principal as it is now, or millrace.ErrNotFound if its key
	// is no longer good. Calls under way are asked for every so often. Nil: a
	// call that was permitted stays so.
	Renew      func(ctx context.Context, p auth.Principal) (auth.Principal, error)
	RenewEvery time.Duration // how often; 5 s if zero

	Events MediaEvents
	Logger *slog.Logger

	// Since is the server time before which fragments are expired that are kept
	// for so long.
	Since func(retention time.Duration) time.Time
}

// Media answers PutMedia, GetMedia and GetMediaForFragmentList. Any number of goroutines may use it.
type Media struct {
	config MediaConfig

	mu      sync.Mutex // guards what follows
	active  map[millrace.StreamKey]*activeStream
	readers map[*activeReader]struct{}
	permits map[*permit]struct{}
	calls   int
	closed  bool
	running sync.WaitGroup // calls
}

var _ MediaPlane = (*Media)(nil)

// NewMedia returns a Media without calls.
func NewMedia(c MediaConfig) *Media {
	c.Events = c.Events.withDefaults()
	if c.Archive != nil {
		c.Archive = c.Archive.withDefaults()
	}
	return &Media{config: c, active: map[millrace.StreamKey]*activeStream{}, readers: map[*activeReader]struct{}{}, permits: map[*permit]struct{}{}}
}

// An activeStream is one that has calls now, with the retention that they all
// go by.
type activeStream struct {
	calls   int // guarded by Media.mu
	readers int // of the calls; guarded by Media.mu
	lists   int // of the calls, readers of lists; guarded by Media.mu

	mu        sync.Mutex // guards what follows
	retention time.Duration
	stale     bool // the control state knows better
	changes   int  // of the retention, that were told
}

// An activeReader is one GetMedia or GetMediaForFragmentList call, which a shutdown
// ends.
type activeReader struct {
	count  *int // of such calls on the stream; guarded by Media.mu
	cancel context.CancelCauseFunc
	conn   *wire.MediaConn // nil until it is taken over
}

// enter counts a call on a stream. The call's end is leave.
func (m *Media) enter(s millrace.Stream) (*activeStream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.enterLocked(s)
}

func (m *Media) enterLocked(s millrace.Stream) (*activeStream, error) {
	if m.closed {
		return nil, millrace.Errorf(millrace.CodeUnavailable, "The server is shutting down.")
	}
	if m.config.MaxCalls > 0 && m.calls >= m.config.MaxCalls {
		return nil, millrace.Errorf(millrace.CodeConnectionLimit, "The server has too many connections.")
	}
	a := m.active[s.Key]
	if a == nil {
		// What was read before this call was counted may have changed since.
		a = &activeStream{retention: s.Retention, stale: true}
		m.active[s.Key] = a
	}
	a.calls++
	m.calls++
	m.running.Add(1)
	return a, nil
}

func (m *Media) leave(s millrace.Stream, a *activeStream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaveLocked(s, a)
}

func (m *Media) leaveLocked(s millrace.Stream, a *activeStream) {
	a.calls--
	m.calls--
	if a.calls == 0 {
		delete(m.active, s.Key)
	}
	m.running.Done()
}

// enterReader counts a reader on a stream, within the bound on readers. ctx is
// the reader's own. The reader's end is leaveReader.
func (m *Media) enterReader(ctx context.Context, s millrace.Stream) (context.Context, *activeStream, *activeReader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.enterLocked(s)
	if err != nil {
		return nil, nil, nil, err
	}
	if m.config.MaxReaders > 0 && a.readers >= m.config.MaxReaders {
		m.leaveLocked(s, a)
		return nil, nil, nil, millrace.Errorf(millrace.CodeConnectionLimit, "The stream has too many readers.")
	}
	ctx, r := m.addReaderLocked(ctx, &a.readers)
	return ctx, a, r, nil
}

// enterList is enterReader for a reader of a list of fragments.
func (m *Media) enterList(ctx context.Context, s millrace.Stream) (context.Context, *activeStream, *activeReader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.enterLocked(s)
	if err != nil {
		return nil, nil, nil, err
	}
	if m.config.MaxListReaders > 0 && a.lists >= m.config.MaxListReaders {
		m.leaveLocked(s, a)
		return nil, nil, nil, millrace.Errorf(millrace.CodeRateLimit, "The stream has too many readers of lists of fragments.")
	}
	ctx, r := m.addReaderLocked(ctx, &a.lists)
	return ctx, a, r, nil
}

func (m *Media) addReaderLocked(ctx context.Context, count *int) (context.Context, *activeReader) {
	ctx, cancel := context.WithCancelCause(ctx)
	r := &activeReader{count: count, cancel: cancel}
	m.readers[r] = struct{}{}
	*count++
	return ctx, r
}

// setTimeout bounds the writes of a media call.
func (m *Media) setTimeout(conn *wire.MediaConn) {
	if m.config.WriteTimeout > 0 {
		conn.SetWriteTimeout(m.config.WriteTimeout)
	}
}

// attach tells which connection a reader has.
func (m *Media) attach(r *activeReader, conn *wire.MediaConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.conn = conn
}

func (m *Media) leaveReader(s millrace.Stream, a *activeStream, r *activeReader) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.cancel(context.Canceled)
	delete(m.readers, r)
	*r.count--
	m.leaveLocked(s, a)
}

// retention returns the stream's present retention. When it has changed, the
// control state is asked; while that does not answer, the last value holds.
func (m *Media) retention(s millrace.Stream, a *activeStream) time.Duration {
	last, stale, changes := a.look()
	if !stale {
		return last
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlPatience)
	defer cancel()
	now, err := m.config.Streams.Stream(ctx, s.Name)
	if err != nil || now.Key != s.Key {
		return last // it is being deleted, or not to be read now
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retention, a.stale = now.Retention, a.changes != changes
	m.config.Tail.SetRetention(s.Key, now.Retention)
	return a.retention
}

func (a *activeStream) look() (retention time.Duration, stale bool, changes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.retention, a.stale, a.changes
}

// controlPatience bounds how long a media call waits for the control state.
const controlPatience = 5 * time.Second

// RetentionChanged implements MediaPlane.
func (m *Media) RetentionChanged(s millrace.Stream) {
	m.mu.Lock()
	a := m.active[s.Key]
	m.mu.Unlock()
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stale = true
	a.changes++
}

// Drop implements MediaPlane.
func (m *Media) Drop(ctx context.Context, s millrace.Stream) error {
	m.config.Tail.Delete(s.Key)
	m.config.Events.Dropped(s)
	return m.config.Store.Drop(ctx, s.Key)
}

// find returns the active stream that a media call names, after asking for
// permission as the data plane reports its lack.
func (m *Media) find(ctx context.Context, c *MediaCall, t target, action auth.Action) (millrace.Stream, error) {
	c.about(t.name)
	s, err := m.config.Streams.Stream(ctx, t.name)
	if err != nil && !errors.Is(err, millrace.ErrNotFound) {
		return s, err
	}
	found := err == nil && s.Status == millrace.StatusActive && (!t.byARN() || t.arn.Compare(s.ARN) == 0)
	if err := t.authorize(c.Principal, action, s, found); err != nil {
		return s, &millrace.Error{Code: millrace.CodeNotAuthorized, Message: err.Error(), Err: err}
	}
	if err := m.config.Requests.Admit(string(action), m.config.Account, t.name.String()); err != nil {
		return s, err
	}
	if !found {
		return s, millrace.Errorf(millrace.CodeNotFound, notFound)
	}
	return s, nil
}

// about notes which stream the call is about.
func (c *MediaCall) about(name millrace.StreamName) {
	c.Stream = name
	if c.stream != nil {
		*c.stream = name
	}
}

// release lets go of what hold returned. That the stream was deleted meanwhile is
// told again: the call may have been told of later than that.
func (m *Media) release(s millrace.Stream, held *tail.Stream) {
	if held.Err() != nil {
		m.config.Events.Dropped(s)
	}
	held.Release()
}

// hold keeps the tail of a stream for a call, and makes sure that the stream is
// not being deleted: a deletion that is not seen here sees the tail and ends it.
func (m *Media) hold(ctx context.Context, s millrace.Stream) (*tail.Stream, error) {
	held := m.config.Tail.Acquire(s.Key, s.Retention)
	now, err := m.config.Streams.Stream(ctx, s.Name)
	if err == nil && (now.Key != s.Key || now.Status != millrace.StatusActive) {
		err = millrace.Errorf(millrace.CodeNotFound, notFound)
	}
	if err != nil {
		held.Release()
		if errors.Is(err, millrace.ErrNotFound) || millrace.CodeOf(err) == millrace.CodeNotFound {
			m.config.Events.Dropped(s)
		}
		return nil, err
	}
	return held, nil
}

// Readers is how many GetMedia and GetMediaForFragmentList calls there are.
func (m *Media) Readers() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.readers)
}

// Shutdown ends every call: producers are told to come again, and readers'
// responses end in good order where they can. It returns when all are over. The
// connections of those that are not over when ctx ends are broken off, and then
// its error is the cause.
func (m *Media) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.eachReader(func(r *activeReader) { r.cancel(egress.ErrStop) })
	err := m.config.Sessions.Shutdown(ctx)
	over := make(chan struct{})
	go func() { m.running.Wait(); close(over) }()
	select {
	case <-over:
		return err
	case <-ctx.Done():
	}
	for _, conn := range m.readerConns() {
		conn.Abort()
	}
	<-over
	return context.Cause(ctx)
}

func (m *Media) eachReader(do func(*activeReader)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r := range m.readers {
		do(r)
	}
}

func (m *Media) readerConns() (conns []*wire.MediaConn) {
	m.eachReader(func(r *activeReader) {
		if r.conn != nil {
			conns = append(conns, r.conn)
		}
	})
	return conns
}
