package export

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// JSON writes one line for each frame, and one behind the frames of each
// fragment. The member "kind" tells them apart.
type JSON struct {
	lines *json.Encoder
}

// NewJSON returns a JSON on w.
func NewJSON(w io.Writer) *JSON { return &JSON{json.NewEncoder(w)} }

// frameLine is the line of a frame. Times are RFC 3339.
type frameLine struct {
	Kind     string                  `json:"kind"` // "frame"
	Fragment millrace.FragmentNumber `json:"fragment"`
	Track    media.TrackNumber       `json:"track"`
	Time     *time.Time              `json:"time,omitempty"` // on the producer's clock
	Timecode int64                   `json:"timecode"`       // ticks
	Key      bool                    `json:"key"`
	Size     int                     `json:"size"` // bytes
}

// fragmentLine is the line behind a fragment's frames.
type fragmentLine struct {
	Kind         string                  `json:"kind"` // "fragment"
	Fragment     millrace.FragmentNumber `json:"fragment"`
	ServerTime   *time.Time              `json:"serverTime,omitempty"`
	ProducerTime *time.Time              `json:"producerTime,omitempty"`
	Timecode     uint64                  `json:"timecode"` // ticks
	Scale        uint64                  `json:"timecodeScale"`
	Frames       int                     `json:"frames"`
	Size         int                     `json:"size"` // bytes of frames
	Complete     bool                    `json:"complete"`
	BehindMillis int64                   `json:"behindMillis"`
	Codecs       []string                `json:"codecs"`
	Tags         map[string]string       `json:"tags,omitempty"`
}

// WriteFragment implements Writer.
func (j *JSON) WriteFragment(f *consumer.Fragment) error {
	line := fragmentLine{Kind: "fragment", Fragment: f.Number, Timecode: f.Timecode, Scale: f.Header.Info.TimecodeScale}
	for frame, err := range f.Frames() {
		if err != nil {
			return fmt.Errorf("fragment %s: %w", f.Number, err)
		}
		line.Frames++
		line.Size += len(frame.Data)
		err := j.lines.Encode(frameLine{
			Kind: "frame", Fragment: f.Number, Track: frame.Track, Time: known(frame.Time),
			Timecode: frame.Timecode, Key: frame.Key, Size: len(frame.Data),
		})
		if err != nil {
			return fmt.Errorf("write frame: %w", err)
		}
	}
	line.ServerTime, line.ProducerTime = known(f.ServerTime), known(f.ProducerTime)
	line.Complete, line.BehindMillis = f.Complete(), f.Behind().Milliseconds()
	for _, t := range f.Header.Tracks {
		line.Codecs = append(line.Codecs, media.DetectCodec(t.CodecID, t.CodecPrivate).String())
	}
	for _, t := range f.Tags() {
		if line.Tags == nil {
			line.Tags = map[string]string{}
		}
		line.Tags[t.Name] = t.Value
	}
	if err := j.lines.Encode(line); err != nil {
		return fmt.Errorf("write fragment: %w", err)
	}
	return nil
}

// Close implements Writer; there is nothing to do.
func (*JSON) Close() error { return nil }

// known returns nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
