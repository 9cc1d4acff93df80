package mkv

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
)

// FileWriter writes one document that can be sought in: sizes are known, a
// SeekHead and Cues for the key frames lead into it, and it says its duration.
//
// The order is WriteHeader, then any number of StartCluster, each with its
// WriteBlocks, and WriteTags before or between them, then Finish. A call out
// of order is ErrOrder and writes nothing. An error of the underlying writer
// is returned wrapped, then again by every further call.
//
// A file that is dropped without Finish can be played up to its last Cluster
// but not sought in. Memory grows by 32 bytes per cue: key frames of video, or
// Clusters where there is no video. A FileWriter is not safe for concurrent
// use.
type FileWriter struct {
	sink
	dst      io.WriteSeeker
	out      *bufio.Writer
	state    fileState
	header   Header
	base     int64 // where the document begins in dst
	segment  int64 // offset of the Segment's payload
	front    room  // for SeekHead and Info
	seeks    []seek
	tracks   []fileTrack
	hasVideo bool
	cluster  fileCluster
	cues     []cue
	scratch  []byte
}

type fileState uint8

const (
	fileNew fileState = iota
	fileStarted
	fileInCluster
	fileFinished
)

// room is a part of the file that is written again by Finish.
type room struct {
	offset int64
	len    int
}

// fileCluster is the open Cluster.
type fileCluster struct {
	start   int64 // offset of the id
	payload int64
	time    int64
	cued    bool
}

const fileBuffer = 64 << 10

// NewFileWriter returns a FileWriter on dst, from where dst stands. It writes
// nothing yet. The caller closes dst after Finish; a file must not have been
// opened for appending.
func NewFileWriter(dst io.WriteSeeker) *FileWriter {
	out := bufio.NewWriterSize(dst, fileBuffer)
	return &FileWriter{sink: sink{w: out}, dst: dst, out: out, scratch: make([]byte, 0, scratchSize)}
}

// WriteHeader writes EBML, the Segment's head, Info and Tracks. The Info's
// Duration is not used: Finish writes the true one.
func (w *FileWriter) WriteHeader(h Header) error {
	const action = "write header"
	if err := w.check(action, w.state == fileNew); err != nil {
		return err
	}
	base, err := w.dst.Seek(0, io.SeekCurrent)
	if err != nil {
		return w.keep(action, err)
	}
	w.base, w.header, w.state = base, h, fileStarted
	w.setTracks(h)

	b := AppendEBML(nil, h.EBML)
	b = AppendUnknownSize(AppendID(b, IDSegment), 0)
	w.segment = int64(len(b))
	w.header.Info.Duration = 1 // so that its length is counted
	w.front = room{w.segment, seekHeadReserve + len(AppendInfo(nil, w.header.Info)) + 2}
	w.header.Info.Duration = 0
	b = w.appendFront(b, nil)
	w.seeks = append(w.seeks, seek{IDTracks, int64(len(b)) - w.segment})
	return w.write(action, h.appendTracks(b))
}

// appendFront appends SeekHead and Info, padded to the room there is.
func (w *FileWriter) appendFront(b []byte, seeks []seek) []byte {
	start := len(b)
	if len(seeks) > 0 {
		b = appendSeekHead(b, seeks)
	}
	b = AppendInfo(b, w.header.Info)
	return appendVoid(b, w.front.len-(len(b)-start))
}

func (w *FileWriter) setTracks(h Header) {
	scale := cmp.Or(h.Info.TimecodeScale, DefaultTimecodeScale)
	for _, t := range h.Tracks {
		w.tracks = append(w.tracks, newFileTrack(t, scale))
		w.hasVideo = w.hasVideo || t.Type == TrackVideo
	}
}

// StartCluster begins a Cluster, and thereby ends the one before. A timecode
// beyond what can be subtracted from is ErrBadValue.
func (w *FileWriter) StartCluster(timecode uint64) error {
	const action = "start cluster"
	if err := w.check(action, w.state == fileStarted || w.state == fileInCluster); err != nil {
		return err
	}
	if timecode > math.MaxInt64/2 {
		return fmt.Errorf("%s: timecode %d: %w", action, timecode, ErrBadValue)
	}
	if err := w.endCluster(); err != nil {
		return err
	}
	w.cluster = fileCluster{start: w.n, time: int64(timecode)}
	b := AppendUnknownSize(AppendID(w.scratch, IDCluster), 0)
	w.cluster.payload = w.n + int64(len(b))
	w.state = fileInCluster
	return w.write(action, AppendUint(b, IDTimecode, timecode))
}

// endCluster writes the open Cluster's size into its head.
func (w *FileWriter) endCluster() error {
	if w.state != fileInCluster {
		return nil
	}
	w.state = fileStarted
	return w.writeSize("end cluster", w.cluster.payload, w.n)
}

// WriteBlock writes a SimpleBlock into the open Cluster. rel counts from the
// Cluster's timecode. A track that the header does not have is ErrBadValue.
func (w *FileWriter) WriteBlock(track uint64, rel int16, flags BlockFlags, payload []byte) error {
	if err := w.note(track, rel, flags); err != nil {
		return err
	}
	if err := w.write(writeBlock, AppendSimpleBlockHeader(w.scratch, track, rel, flags, len(payload))); err != nil {
		return err
	}
	return w.write(writeBlock, payload)
}

// WritePaddedBlock is WriteBlock for sound of which a part is not heard, see
// BlockGroup.Padding.
func (w *FileWriter) WritePaddedBlock(track uint64, rel int16, flags BlockFlags, payload []byte, padding int64) error {
	if err := w.note(track, rel, flags); err != nil {
		return err
	}
	return w.write(writeBlock, AppendPaddedBlock(nil, track, rel, flags, payload, padding))
}

const writeBlock = "write block"

// note takes notice of a block that is about to be written.
func (w *FileWriter) note(track uint64, rel int16, flags BlockFlags) error {
	const action = writeBlock
	if err := w.check(action, w.state == fileInCluster); err != nil {
		return err
	}
	t := w.track(track)
	if t == nil {
		return fmt.Errorf("%s: track %d: %w", action, track, ErrBadValue)
	}
	time := w.cluster.time + int64(rel)
	t.add(time)
	w.addCue(t, time, flags)
	return nil
}

func (w *FileWriter) track(number uint64) *fileTrack {
	for i := range w.tracks {
		if w.tracks[i].number == number {
			return &w.tracks[i]
		}
	}
	return nil
}

// addCue notes the block that is about to be written if it shall have a cue.
func (w *FileWriter) addCue(t *fileTrack, time int64, flags BlockFlags) {
	wanted := t.video && flags&FlagKeyframe != 0 || !w.hasVideo && !w.cluster.cued
	if !wanted || time < 0 {
		return
	}
	w.cluster.cued = true
	w.cues = append(w.cues, cue{
		time:    time,
		track:   t.number,
		cluster: w.cluster.start - w.segment,
		block:   w.n - w.cluster.payload,
	})
}

// WriteTags writes a Tags element, and thereby ends the open Cluster.
func (w *FileWriter) WriteTags(tags []Tag) error {
	const action = "write tags"
	if err := w.check(action, w.state == fileStarted || w.state == fileInCluster); err != nil {
		return err
	}
	if err := w.endCluster(); err != nil {
		return err
	}
	w.noteSeek(IDTags)
	return w.write(action, AppendTags(nil, tags, 0))
}

// noteSeek makes the SeekHead lead to the first element with an id.
func (w *FileWriter) noteSeek(id ElementID) {
	for _, s := range w.seeks {
		if s.id == id {
			return
		}
	}
	w.seeks = append(w.seeks, seek{id, w.n - w.segment})
}

// Finish writes the Cues, fills in the sizes, the SeekHead and the duration,
// and leaves dst at the end of the document. Only the first call does.
func (w *FileWriter) Finish() error {
	const action = "finish"
	if err := w.check(action, w.state == fileStarted || w.state == fileInCluster); err != nil {
		return err
	}
	if err := w.endCluster(); err != nil {
		return err
	}
	w.state = fileFinished
	if len(w.cues) > 0 {
		w.noteSeek(IDCues)
		if err := w.write(action, appendCues(nil, w.cues)); err != nil {
			return err
		}
	}
	if err := w.writeSize(action, w.segment, w.n); err != nil {
		return err
	}
	return w.writeFront(action)
}

// writeFront writes SeekHead and Info into the room kept for them.
func (w *FileWriter) writeFront(action string) error {
	w.header.Info.Duration = duration(w.tracks)
	// Info follows the SeekHead. A position below 256 takes one byte, whichever
	// it is, and the SeekHead is shorter than that.
	seeks := append([]seek{{IDInfo, 1}}, w.seeks...)
	seeks[0].position = int64(len(appendSeekHead(nil, seeks)))
	b := w.appendFront(nil, seeks)
	return w.writeAt(action, w.front.offset, b)
}

// writeSize writes the size of a payload into the eight bytes before it.
func (w *FileWriter) writeSize(action string, payload, end int64) error {
	return w.writeAt(action, payload-maxSizeLength, AppendSize(w.scratch, end-payload, maxSizeLength))
}

// writeAt overwrites what is at an offset and returns to the end.
func (w *FileWriter) writeAt(action string, offset int64, b []byte) error {
	if err := w.out.Flush(); err != nil {
		return w.keep(action, err)
	}
	if _, err := w.dst.Seek(w.base+offset, io.SeekStart); err != nil {
		return w.keep(action, err)
	}
	if _, err := w.dst.Write(b); err != nil {
		return w.keep(action, err)
	}
	_, err := w.dst.Seek(w.base+w.n, io.SeekStart)
	return w.keep(action, err)
}
