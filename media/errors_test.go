package media_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace/media"
)

// requireSyntaxError fails unless err names its part and is of one of the kinds.
func requireSyntaxError(t *testing.T, name string, err error) {
	t.Helper()
	var syntax *media.SyntaxError
	if !errors.As(err, &syntax) || syntax.Part == "" {
		t.Fatalf("%s: %v is not a SyntaxError with a part", name, err)
	}
	for _, kind := range []error{media.ErrTruncated, media.ErrInvalid, media.ErrMissing, media.ErrUnsupported, media.ErrLimit} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Fatalf("%s: %v is of no known kind", name, err)
}

func TestSyntaxErrorNamesCodecPartAndKind(t *testing.T) {
	t.Parallel()
	_, err := media.ParseAVCConfig([]byte{0})
	if !errors.Is(err, media.ErrInvalid) {
		t.Errorf("%v is not ErrInvalid", err)
	}
	if got, want := err.Error(), "avc: avcC version: invalid"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
