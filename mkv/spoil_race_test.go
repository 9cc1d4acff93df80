//go:build race

package mkv_test

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/mkv"
)

func TestAnElementIsSpoiledByTheNext(t *testing.T) {
	payload := []byte("a frame")
	in := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1)
	for range 3 {
		in = append(mkv.AppendSimpleBlockHeader(in, 1, 0, 0, len(payload)), payload...)
	}
	r := mkv.NewReader(bytes.NewReader(in), mkv.ReaderOptions{})
	var last []byte
	for range 4 {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && bytes.ContainsAny(last, "a frame") {
			t.Errorf("the element before is still %q", last)
		}
		if last = e.Raw; e.Kind == mkv.Whole && !bytes.HasSuffix(last, payload) {
			t.Errorf("element %q", last)
		}
	}
}
