//go:build interop

//lint:file-ignore SA1019 the SDK for Go v1 is the one whose client for archived media every proxy has

package interop

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	key "github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	archived "github.com/aws/aws-sdk-go/service/kinesisvideoarchivedmedia"
)

// archivedClient is that of the SDK for Go v1, which has the operations on archived
// media.
func (r *rig) archivedClient(t *testing.T) *archived.KinesisVideoArchivedMedia {
	t.Helper()
	options := session.Options{Config: aws.Config{
		Region: aws.String(region), Endpoint: aws.String(r.url), HTTPClient: &http.Client{Transport: &http.Transport{}},
		Credentials: key.NewStaticCredentials(accessKey, secretKey, ""),
	}}
	if r.ca != "" { // AWS_CA_BUNDLE would win over a client's own trust
		authorities, err := os.ReadFile(r.ca)
		must(t, err)
		options.CustomCABundle = bytes.NewReader(authorities)
	}
	s, err := session.NewSessionWithOptions(options)
	must(t, err)
	return archived.New(s)
}

// TestGoSDKReadsArchivedMedia: all four operations of the SDK for Go v1, which
// sends times to the millisecond.
func TestGoSDKReadsArchivedMedia(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		const name = "go-archived"
		r.fill(t, name)
		c := r.archivedClient(t)
		all := &archived.FragmentSelector{
			FragmentSelectorType: aws.String(archived.FragmentSelectorTypeProducerTimestamp),
			TimestampRange:       &archived.TimestampRange{StartTimestamp: aws.Time(time.Unix(0, 0)), EndTimestamp: aws.Time(time.Now().Add(time.Hour))},
		}
		var fragments []*archived.Fragment
		pages := 0
		must(t, c.ListFragmentsPages(&archived.ListFragmentsInput{StreamName: aws.String(name), FragmentSelector: all, MaxResults: aws.Int64(4)},
			func(page *archived.ListFragmentsOutput, _ bool) bool {
				pages++
				fragments = append(fragments, page.Fragments...)
				return true
			}))
		if len(fragments) != clipSeconds || pages != (clipSeconds+3)/4 {
			t.Fatalf("%d fragments in %d pages", len(fragments), pages)
		}
		all.TimestampRange.StartTimestamp, all.TimestampRange.EndTimestamp = fragments[2].ProducerTimestamp, fragments[4].ProducerTimestamp
		some, err := c.ListFragments(&archived.ListFragmentsInput{StreamName: aws.String(name), FragmentSelector: all})
		must(t, err)
		if len(some.Fragments) != 3 || *some.Fragments[0].FragmentNumber != *fragments[2].FragmentNumber {
			t.Errorf("from the third to the fifth there are %v", some.Fragments)
		}
		r.archivedMedia(t, c, name, fragments)
		r.archivedPlayback(t, c, name, fragments)
	})
}

// archivedMedia reads the media of fragments, the newest first, and what is
// answered for one that is not there.
func (r *rig) archivedMedia(t *testing.T, c *archived.KinesisVideoArchivedMedia, name string, fragments []*archived.Fragment) {
	t.Helper()
	var numbers []string
	for _, f := range slices.Backward(fragments) {
		numbers = append(numbers, *f.FragmentNumber)
	}
	out, err := c.GetMediaForFragmentList(&archived.GetMediaForFragmentListInput{StreamName: aws.String(name), Fragments: aws.StringSlice(numbers)})
	must(t, err)
	defer out.Payload.Close()
	media, err := io.ReadAll(out.Payload)
	must(t, err)
	if got := numbersIn(media); !slices.Equal(got, numbers) || *out.ContentType != "video/webm" {
		t.Errorf("%s: fragments %v, want %v", *out.ContentType, got, numbers)
	}
	_, err = c.GetMediaForFragmentList(&archived.GetMediaForFragmentListInput{StreamName: aws.String(name), Fragments: aws.StringSlice([]string{"x"})})
	var invalid *archived.InvalidArgumentException
	if !errors.As(err, &invalid) {
		t.Errorf("a number that is none: %v", err)
	}
}

// archivedPlayback makes a clip and a session.
func (r *rig) archivedPlayback(t *testing.T, c *archived.KinesisVideoArchivedMedia, name string, fragments []*archived.Fragment) {
	t.Helper()
	start, end := fragments[0].ProducerTimestamp, fragments[len(fragments)-1].ProducerTimestamp
	kind := aws.String(archived.FragmentSelectorTypeProducerTimestamp)
	clip, err := c.GetClip(&archived.GetClipInput{StreamName: aws.String(name), ClipFragmentSelector: &archived.ClipFragmentSelector{
		FragmentSelectorType: kind, TimestampRange: &archived.ClipTimestampRange{StartTimestamp: start, EndTimestamp: end},
	}})
	must(t, err)
	defer clip.Payload.Close()
	media, err := io.ReadAll(clip.Payload)
	must(t, err)
	if *clip.ContentType != "video/mp4" || len(media) < 1000 || string(media[4:8]) != "ftyp" {
		t.Errorf("%d bytes of %s", len(media), *clip.ContentType)
	}
	session, err := c.GetHLSStreamingSessionURL(&archived.GetHLSStreamingSessionURLInput{
		StreamName: aws.String(name), PlaybackMode: aws.String(archived.HLSPlaybackModeOnDemand),
		HLSFragmentSelector: &archived.HLSFragmentSelector{
			FragmentSelectorType: aws.String(archived.HLSFragmentSelectorTypeProducerTimestamp),
			TimestampRange:       &archived.HLSTimestampRange{StartTimestamp: start, EndTimestamp: end},
		},
	})
	must(t, err)
	client, err := r.httpClient()
	must(t, err)
	resp, err := client.Get(*session.HLSStreamingSessionURL)
	must(t, err)
	defer resp.Body.Close()
	if playlist, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(playlist[:8]) != "#EXTM3U\n" {
		t.Errorf("%s, %v: %.200s", resp.Status, err, playlist)
	}
}

// clipOf gets a clip of what was put into a stream in the past hour.
func (r *rig) clipOf(t *testing.T, name string) {
	t.Helper()
	clip, err := r.archivedClient(t).GetClip(&archived.GetClipInput{StreamName: aws.String(name), ClipFragmentSelector: &archived.ClipFragmentSelector{
		FragmentSelectorType: aws.String(archived.ClipFragmentSelectorTypeServerTimestamp),
		TimestampRange:       &archived.ClipTimestampRange{StartTimestamp: aws.Time(time.Now().Add(-time.Hour)), EndTimestamp: aws.Time(time.Now())},
	}})
	must(t, err)
	_, err = io.Copy(io.Discard, clip.Payload)
	must(t, errors.Join(err, clip.Payload.Close()))
}
