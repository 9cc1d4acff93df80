package producer

import (
	"errors"
	"testing"

	"github.com/millrace/millrace/media"
)

func TestFramesWithoutBytesAndWithTooManyAreRefused(t *testing.T) {
	t.Parallel()
	c, err := newConditioner(media.Track{Number: 1, Codec: media.Data, CodecID: "X_RADAR"})
	if err != nil {
		t.Fatal(err)
	}
	if _, known := c.track(); !known {
		t.Error("the track is not known")
	}
	_, err = c.condition(nil, media.Frame{Track: 1})
	if !errors.Is(err, ErrBadFrame) {
		t.Errorf("an empty frame: %v", err)
	}
	_, err = c.condition(nil, media.Frame{Track: 1, Data: make([]byte, 100<<20)})
	if !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("100 MB: %v", err)
	}
}
