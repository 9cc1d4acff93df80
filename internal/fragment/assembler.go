package fragment

import (
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// Config says how an Assembler reads one PutMedia body.
type Config struct {
	Limits     Limits
	Relative   bool      // timecodes count from Start, not from the epoch
	Start      time.Time // of the producer; used only if Relative
	Identified bool      // the producer announced that its Clusters may say which fragments they are
	TagKind    func(name string) TagKind
	Sink       Sink
}

// An Assembler turns the elements of one body into fragments. It is fed by one
// goroutine.
type Assembler struct {
	sink       Sink
	tagKind    func(name string) TagKind
	limits     Limits
	relative   bool
	start      time.Time
	identified bool

	header   *header
	first    *millrace.Header // with the Tags that stood before Tracks; nil once used
	shared   *millrace.Header // of all other fragments
	sequence uint64           // fragments begun
	began    bool             // a Cluster was seen in this call
	previous uint64           // timecode of the Cluster before
	leading  []byte           // Tags for the next fragment
	userTags int              // of the user's own in leading
	tagFault error            // of the Tags for the next fragment, told at its end

	cluster cluster
	sum     checksum
}

// NewAssembler returns an Assembler at the start of a body.
func NewAssembler(c Config) *Assembler {
	return &Assembler{
		sink: c.Sink, tagKind: c.TagKind, limits: c.Limits.WithDefaults(), relative: c.Relative, start: c.Start, identified: c.Identified,
	}
}

// ReaderOptions are the bounds that the mkv.Reader of the body should have.
func (a *Assembler) ReaderOptions() mkv.ReaderOptions {
	return mkv.ReaderOptions{MaxElementSize: a.limits.MaxHeader, MaxBlockSize: a.limits.MaxSize}
}

// Add takes the next element. An error is either one that the Sink returned or
// a *millrace.Error whose code ends the session; the open fragment has been
// aborted then.
func (a *Assembler) Add(e mkv.Element) error {
	err := a.add(e)
	if err != nil {
		a.cluster.abort(a.sink)
	}
	return a.blame(err)
}

// blame returns the fault of bytes that cannot be read. Where the producer gives
// the digests of what it sends, it is taken for damage on their way, unless the
// digest of the Cluster said that there was none.
func (a *Assembler) blame(err error) error {
	unread := err != nil && millrace.CodeOf(err) == millrace.CodeInvalidMKV
	if !unread || !a.sum.used() || errors.Is(err, a.cluster.err) {
		return err
	}
	return damaged(err)
}

func (a *Assembler) add(e mkv.Element) error {
	switch {
	case e.Kind == mkv.End && e.ID == mkv.IDCluster:
		return a.endCluster()
	case e.Kind == mkv.End:
		return nil
	case e.Kind == mkv.Start && e.ID == mkv.IDCluster:
		return a.startCluster(e)
	case e.Kind == mkv.Start:
		return a.startSegment(e)
	case e.ID == mkv.IDEBML && e.Level == 0:
		return a.startDocument(e)
	case e.Level >= 2:
		return a.child(e)
	}
	return a.topLevel(e)
}

func (a *Assembler) startDocument(e mkv.Element) error {
	if err := a.finish(); err != nil {
		return err
	}
	if a.header != nil && !a.limits.AllowHeaders {
		return fault(millrace.CodeInvalidMKV, "a second EBML header in one call")
	}
	a.header = newHeader(e.Raw)
	a.first, a.shared = nil, nil
	return nil
}

func (a *Assembler) startSegment(e mkv.Element) error {
	if err := a.finish(); err != nil {
		return err
	}
	if a.header == nil {
		return midway(e.ID)
	}
	if a.header.segment {
		return fault(millrace.CodeInvalidMKV, "a second Segment in one call")
	}
	a.header.segment = true
	a.header.add([]byte(segmentHead))
	return nil
}

// topLevel takes a whole element that stands beside the Clusters.
func (a *Assembler) topLevel(e mkv.Element) error {
	switch {
	case a.header == nil:
		return midway(e.ID)
	case !a.header.segment:
		return fault(millrace.CodeInvalidMKV, "%s before the Segment", e.ID)
	case e.ID == mkv.IDSimpleBlock || e.ID == mkv.IDBlockGroup:
		return fault(millrace.CodeInvalidMKV, "a %s outside a Cluster", e.ID)
	case e.ID == mkv.IDTags:
		return a.tags(e)
	case a.began && !a.header.fresh():
		return a.cluster.trail(e.Raw, a.limits)
	}
	if err := a.headerElement(e); err != nil {
		return err
	}
	return a.checkHeader()
}

func (a *Assembler) checkHeader() error {
	if a.header.size() > a.limits.MaxHeader {
		return fault(millrace.CodeInvalidMKV, "the header is over %d bytes", a.limits.MaxHeader)
	}
	return nil
}

func (a *Assembler) headerElement(e mkv.Element) error {
	switch e.ID {
	case mkv.IDInfo:
		return a.header.addInfo(e)
	case mkv.IDTracks:
		return a.header.addTracks(e, a.limits.MaxTracks)
	}
	a.header.add(e.Raw)
	return nil
}

// tags assigns a Tags element: before the first Cluster and after an
// end-of-fragment tag to the fragment to come, else to the one before it.
func (a *Assembler) tags(e mkv.Element) error {
	t, err := a.readTags(e)
	if a.cluster.state != ended && millrace.CodeOf(err) == millrace.CodeMetadataLimit {
		a.tagFault = err
		return nil
	}
	if err != nil {
		return err
	}
	if a.cluster.state == ended {
		err = a.cluster.trailTags(t, a.limits)
	} else {
		err = a.leadTags(t)
	}
	if err == nil && t.end {
		err = a.finish()
	}
	return err
}

func (a *Assembler) leadTags(t tagsElement) error {
	a.userTags += t.user
	if a.userTags > a.limits.MaxTags {
		a.tagFault = tooManyTags(a.limits)
		return nil
	}
	if a.header.fresh() {
		a.header.addTags(t.raw)
		return a.checkHeader()
	}
	a.leading = append(a.leading, t.raw...)
	if int64(len(a.leading)) > a.limits.MaxHeader {
		return fault(millrace.CodeMetadataLimit, "tags over %d bytes", a.limits.MaxHeader)
	}
	return nil
}

func tooManyTags(l Limits) error {
	return fault(millrace.CodeMetadataLimit, "more than %d tags on a fragment", l.MaxTags)
}

func (a *Assembler) startCluster(e mkv.Element) error {
	if a.header == nil {
		return midway(e.ID)
	}
	if !a.header.done {
		return fault(millrace.CodeInvalidMKV, "a Cluster before Tracks")
	}
	if err := a.finish(); err != nil {
		return err
	}
	a.began = true
	a.cluster.start(e)
	a.sum.stop()
	for i := range a.header.tracks {
		a.header.tracks[i].blocks = 0
	}
	return nil
}

// child takes an element of the open Cluster.
func (a *Assembler) child(e mkv.Element) error {
	c := &a.cluster
	switch size := int64(c.size + len(e.Raw)); {
	case size > a.limits.MaxSize && c.state == condemned:
		return a.condemned()
	case size > a.limits.MaxSize:
		return fault(millrace.CodeFragmentSize, "the fragment is over %d bytes", a.limits.MaxSize)
	}
	if c.state == timed {
		if named, err := a.name(e); named || err != nil {
			return err
		}
	}
	switch {
	case c.state == condemned:
		if c.size > len(c.prefix) || !a.identify(e) {
			a.sum.add(e)
		}
		c.size += len(e.Raw)
		return nil
	case c.state == kept:
		a.sum.add(e)
		c.size += len(e.Raw)
		return a.sink.Append(e.Raw)
	case c.state == open && e.ID == mkv.IDTimecode:
		return fault(millrace.CodeInvalidMKV, "a second Timecode in one Cluster")
	case c.state == open:
		return c.append(a, e)
	}
	if len(c.prefix)+len(e.Raw) > maxPrefix {
		return fault(millrace.CodeInvalidMKV, "more than %d bytes before a Cluster's Timecode", maxPrefix)
	}
	c.prefix = append(c.prefix, e.Raw...)
	c.size += len(e.Raw)
	switch e.ID {
	case mkv.IDTimecode:
		return a.begin(e)
	case mkv.IDSimpleBlock, mkv.IDBlockGroup:
		return fault(millrace.CodeInvalidMKV, "a block before its Cluster's Timecode")
	}
	return nil
}

// name begins the fragment at the element behind its Timecode, which says which
// fragment it is, or does not and is still to be taken.
func (a *Assembler) name(e mkv.Element) (named bool, err error) {
	if !a.identify(e) {
		return false, a.open()
	}
	a.cluster.size += len(e.Raw)
	return true, a.open()
}

// identify takes the element behind a Timecode, if it says which fragment it is.
func (a *Assembler) identify(e mkv.Element) bool {
	c := &a.cluster
	if !a.identified || e.ID != mkv.IDVoid {
		return false
	}
	if c.begin.Identity, c.begin.Identified = millrace.ParseIdentity(e.Data()); !c.begin.Identified {
		return false
	}
	c.prefix = append(c.prefix, e.Raw...)
	a.sum.start(c.prefix)
	return true
}

// begin judges a fragment at its Timecode, and opens it unless it may still say
// which one it is.
func (a *Assembler) begin(e mkv.Element) error {
	timecode, err := mkv.ParseUint(e.Data())
	if err != nil {
		return invalidMKV(err)
	}
	c := &a.cluster
	tagFault := a.tagFault
	b := Begin{
		Header: a.useHeader(), Leading: a.takeLeading(), Prefix: c.prefix, KnownSize: c.declared != mkv.UnknownSize,
		Timecode: timecode, Scale: a.header.scale, Sequence: a.sequence,
	}
	b.ProducerTime, err = a.producerTime(timecode)
	if err == nil && a.sequence > 0 && (timecode < a.previous || a.limits.Ascending && timecode == a.previous) {
		err = fault(millrace.CodeTimecodeOrder, "timecode %d after %d", timecode, a.previous)
	}
	a.sequence++
	c.begin, c.err, c.leading = b, firstError(err, tagFault), len(b.Leading)
	switch {
	case c.declared > a.limits.MaxSize:
		c.err = fault(millrace.CodeFragmentSize, "the Cluster declares %d bytes, and at most %d are allowed", c.declared, a.limits.MaxSize)
		return a.condemned() // there is no use in waiting for its end
	case c.err != nil:
		c.state = condemned
		return nil
	}
	a.previous = timecode
	c.state = timed
	if a.identified {
		return nil
	}
	return a.open()
}

// open shows the fragment to the Sink, which may have it already.
func (a *Assembler) open() error {
	c := &a.cluster
	c.state = open
	c.begin.Prefix = c.prefix
	err := a.sink.Begin(c.begin)
	if c.begin.Identified && errors.Is(err, ErrKept) {
		c.state = kept
		return nil
	}
	return err
}

// useHeader returns the header of the next fragment.
func (a *Assembler) useHeader() *millrace.Header {
	if h := a.header; h.fresh() {
		h.used = true
		a.leading = append(h.leading, a.leading...)
		a.shared = millrace.NewHeader(h.plain)
		if len(h.tagged) != len(h.plain) {
			return millrace.NewHeader(h.tagged)
		}
	}
	return a.shared
}

func (a *Assembler) takeLeading() []byte {
	l := a.leading
	a.leading, a.userTags, a.tagFault = nil, 0, nil
	if len(l) == 0 {
		return nil
	}
	return l
}

// endCluster judges a Cluster that is whole.
func (a *Assembler) endCluster() error {
	c := &a.cluster
	if c.state == timed {
		if err := a.open(); err != nil {
			return err
		}
	}
	switch c.state {
	case condemned:
		return a.condemned()
	case open, kept:
	default:
		return fault(millrace.CodeInvalidMKV, "a Cluster without a Timecode")
	}
	if err := a.sum.damage(); err != nil {
		return err
	}
	if c.state == open && !a.limits.AllowMissing {
		for _, t := range a.header.tracks {
			if t.blocks == 0 {
				return fault(millrace.CodeFramesMissing, "no frame of track %d in the fragment", t.number)
			}
		}
	}
	c.state = ended
	return a.sink.Received()
}

// condemned reports a fragment that was faulty from its timecode on, now that
// it is over, and ends the session. What was damaged on its way is no fault of
// its producer's.
func (a *Assembler) condemned() error {
	c := &a.cluster
	c.state = none
	if err := a.sink.Condemned(c.begin); err != nil {
		return err
	}
	return firstError(a.sum.damage(), c.err)
}

// finish hands over the fragment whose Cluster has ended, if there is one.
func (a *Assembler) finish() error {
	c := &a.cluster
	if c.state != ended {
		return nil
	}
	c.state = none
	return a.sink.Finish(c.finish(a.header, 0))
}

// Close ends the body. clean says that the producer ended it; else the
// connection broke. keepPartial keeps an open fragment of a broken connection
// up to its last whole block, flagged incomplete, if its Cluster's size was
// unknown and it does not say which one it is; otherwise it is aborted. An error
// is as for Add.
func (a *Assembler) Close(clean, keepPartial bool) error {
	if err := a.finish(); err != nil {
		return err
	}
	c := &a.cluster
	switch {
	case c.state == condemned:
		return a.condemned()
	case c.state == open && keepPartial && !c.begin.Identified && c.declared == mkv.UnknownSize && len(c.samples) > 0:
		c.state = none
		return a.sink.Finish(c.finish(a.header, millrace.FlagIncomplete))
	case c.state == open || c.state == kept:
		return c.abort(a.sink)
	case clean && a.header != nil && !a.began:
		return fault(millrace.CodeInvalidMKV, "a header and no fragment")
	}
	return nil
}
