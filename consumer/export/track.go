package export

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A track is one track of a header.
type track struct {
	timeline.Track
	entry mkv.Track
	raw   []byte // the TrackEntry as it came
	index int    // among those that are written
}

func (t *track) number() media.TrackNumber { return t.Media.Number }

// tracksOf reads the tracks of a header, those that are wanted.
func tracksOf(h *consumer.Header, wanted []media.TrackNumber) ([]*track, error) {
	if h.RawTracks() == nil {
		return nil, ErrNoTracks
	}
	format, err := timeline.Parse(millrace.NewHeader(h.Bytes()))
	if err != nil {
		return nil, err
	}
	entries, err := rawEntries(h.RawTracks())
	if err != nil {
		return nil, err
	}
	var tracks []*track
	for i := range min(len(format.Tracks), len(h.Tracks), len(entries)) {
		t := &track{Track: format.Tracks[i], entry: h.Tracks[i], raw: entries[i]}
		if wanted != nil && !slices.Contains(wanted, t.number()) {
			continue
		}
		tracks = append(tracks, t)
	}
	if len(tracks) == 0 {
		return nil, ErrNoTracks
	}
	return tracks, nil
}

// rawEntries cuts a Tracks element into its entries.
func rawEntries(raw []byte) (entries [][]byte, err error) {
	for e, err := range mkv.Children(raw) {
		if err != nil {
			return nil, fmt.Errorf("read tracks: %w", err)
		}
		for e, err := range mkv.Children(e.Data()) {
			if err != nil {
				return nil, fmt.Errorf("read tracks: %w", err)
			}
			if e.ID == mkv.IDTrackEntry {
				entries = append(entries, e.Raw)
			}
		}
	}
	return entries, nil
}

// same reports whether the frames of both need the same decoder with the same
// configuration. Names and identifiers are the producer's business.
func (t *track) same(other *track) bool {
	return t.number() == other.number() && t.SameMedia(&other.Track) &&
		t.entry.Type == other.entry.Type && t.entry.Video == other.entry.Video && t.entry.Audio == other.entry.Audio &&
		t.encoded() == other.encoded()
}

func sameTracks(a, b []*track) bool {
	return slices.EqualFunc(a, b, (*track).same)
}

// encoded reports whether the frames have to be taken apart before they are the
// codec's: only Matroska can say so.
func (t *track) encoded() bool {
	const contentEncodings = mkv.ElementID(0x6d80)
	for entry, err := range mkv.Children(t.raw) {
		if err != nil {
			return false
		}
		for e, err := range mkv.Children(entry.Data()) {
			if err == nil && e.ID == contentEncodings {
				return true
			}
		}
	}
	return false
}

// completed are the tracks with the codec private data of that of a first frame, if
// it is one of H.264 or H.265 that has none and the frame brings parameter sets: in
// the form in which the frame is.
func completed(tracks []*track, first *consumer.Frame) []*track {
	i := slices.IndexFunc(tracks, func(t *track) bool { return t.number() == first.Track })
	if i < 0 || len(tracks[i].Media.Private) > 0 || tracks[i].Media.Codec != media.AVC && tracks[i].Media.Codec != media.HEVC {
		return tracks
	}
	made, err := newAnnexB(tracks[i])
	if err != nil {
		return tracks
	}
	if _, err := made.append(nil, first); err != nil || made.watch.Record() == nil {
		return tracks
	}
	with := *tracks[i]
	with.Media.Private = made.watch.Record()
	if !media.CleanLengthPrefixed(first.Data, 4) {
		with.Media.Private = made.inForce()
	}
	with.Track = timeline.NewTrack(with.Media)
	tracks = slices.Clone(tracks)
	tracks[i] = &with
	return tracks
}

// choose divides tracks into those that the container carries and those that it
// does not, which without leaveOut are an error.
func choose(tracks []*track, m muxer, o Options) (kept []*track, left []*TrackError, err error) {
	for _, t := range tracks {
		err := m.carries(t, kept)
		if err == nil {
			t.index = len(kept)
			kept = append(kept, t)
			continue
		}
		failure := &TrackError{Container: o.Container, Track: t.number(), Codec: t.Media.Codec, CodecID: t.Media.CodecID, Err: err}
		if !o.LeaveOut {
			return nil, nil, failure
		}
		left = append(left, failure)
	}
	if len(kept) > 0 {
		return kept, left, nil
	}
	errs := []error{ErrNoTracks}
	for _, l := range left {
		errs = append(errs, l)
	}
	return nil, nil, errors.Join(errs...)
}
