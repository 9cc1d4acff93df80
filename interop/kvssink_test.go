//go:build interop && kvssink

package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the pipelines of these tests send.
const (
	kvssinkPictures = 150
	kvssinkRest     = 10 // pictures that kvssink may keep for itself
)

// Parts of the pipelines. "SINK" is kvssink with the settings of the test.
const (
	kvssinkLive = "videotestsrc is-live=true num-buffers=150 ! video/x-raw,width=320,height=240,framerate=25/1 ! "
	kvssinkH264 = kvssinkLive + "x264enc tune=zerolatency bframes=0 key-int-max=25 bitrate=300 speed-preset=veryfast ! " +
		"h264parse ! video/x-h264,stream-format=avc,alignment=au"
	kvssinkH265 = kvssinkLive + "x265enc tune=zerolatency key-int-max=25 bitrate=300 speed-preset=ultrafast ! " +
		"h265parse ! video/x-h265,stream-format=byte-stream,alignment=au"
	kvssinkAAC   = "audiotestsrc is-live=true num-buffers=281 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse"
	kvssinkMulaw = "audiotestsrc is-live=true num-buffers=300 samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc"
)

// TestKVSSinkSendsMedia: GStreamer's sink for the service makes its stream,
// sends, and ends with its pipeline when its last fragment is acknowledged.
func TestKVSSinkSendsMedia(t *testing.T) {
	const both = "SINK name=sink %s ! queue ! sink. %s ! queue ! sink."
	cases := map[string]struct {
		pipeline, settings string
		sounds             int // at least; the first ones come before the first picture
		persistent         bool
	}{
		"h264":      {pipeline: kvssinkH264 + " ! SINK", persistent: true},
		"h264-aac":  {pipeline: fmt.Sprintf(both, kvssinkH264, kvssinkAAC), sounds: 250, persistent: true},
		"h265-ulaw": {pipeline: fmt.Sprintf(both, kvssinkH265, kvssinkMulaw), sounds: 270, persistent: true},
		"quiet": {
			pipeline: fmt.Sprintf(both, kvssinkH264, kvssinkAAC), sounds: 250,
			settings: "absolute-fragment-times=false fragment-acks=false retention-period=1",
		},
		"offline": {
			pipeline: strings.ReplaceAll(kvssinkH264, "is-live=true", "is-live=false") + " ! SINK", persistent: true,
			settings: fmt.Sprintf("streaming-type=offline file-start-time=%d", time.Now().Add(-time.Hour).Unix()),
		},
	}
	plainAndTLS(t, func(t *testing.T, r *rig) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stream := "kvssink-" + name
				log := r.runKVSSink(t, stream, c.settings, c.pipeline)
				if c.persistent && !strings.Contains(log, `"EventType":"PERSISTED"`) {
					t.Errorf("no fragment was persisted:\n%s", tailOf(log, 4000))
				}
				path := filepath.Join(t.TempDir(), "pulled.mkv")
				r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "mkv", "--out", path)
				decoded, sizes := len(framesOf(t, path, name == "h265-ulaw")), r.sizes(t, stream)
				pictures, sounds := len(sizes[1]), len(sizes[2])
				if decoded != pictures || sounds < c.sounds {
					t.Errorf("%d pictures and %d sounds came back, %d pictures were decoded", pictures, sounds, decoded)
				}
				// With sound, kvssink drops what is still in its queue when its first track ends.
				if pictures > kvssinkPictures || pictures < kvssinkPictures-min(c.sounds, kvssinkRest) {
					t.Errorf("%d pictures came back, %d were made", pictures, kvssinkPictures)
				}
			})
		}
	})
}

// TestKVSSinkHasACertificate: a device is made, and kvssink told as the command
// line says. It gets credentials for its certificate and sends.
func TestKVSSinkHasACertificate(t *testing.T) {
	t.Parallel()
	r := sharedTLS
	var made struct{ IotCertificate string }
	must(t, json.Unmarshal([]byte(r.output(t, r.binary, "device", "create", "kvssink-device", "--out", t.TempDir(), "--json")), &made))
	sink := fmt.Sprintf("kvssink stream-name=kvssink-device framerate=25 aws-region=%s iot-certificate=%s", region, made.IotCertificate)
	r.launch(t, kvssinkH264+" ! "+sink)
	if sizes := r.sizes(t, "kvssink-device"); len(sizes[1]) != kvssinkPictures {
		t.Errorf("%d pictures came back, want %d", len(sizes[1]), kvssinkPictures)
	}
}

// runKVSSink runs a pipeline, which has to end by itself, and returns its log.
func (r *rig) runKVSSink(t *testing.T, stream, settings, pipeline string) string {
	t.Helper()
	sink := fmt.Sprintf("kvssink stream-name=%s framerate=25 aws-region=%s access-key=%s secret-key=%s %s",
		stream, region, accessKey, secretKey, settings)
	return r.launch(t, strings.ReplaceAll(pipeline, "SINK", sink))
}

// launch runs a line of gst-launch with the plugin under test and without keys
// in the environment.
func (r *rig) launch(t *testing.T, line string) string {
	t.Helper()
	plugin, err := filepath.Abs(os.Getenv("MILLRACE_INTEROP_KVSSINK"))
	must(t, err)
	cmd := r.command(t.Context(), need(t, "gst-launch-1.0"), append([]string{"--eos-on-shutdown"}, strings.Fields(line)...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = slices.DeleteFunc(withoutEmpty(cmd.Env), func(v string) bool { return strings.Contains(v, "_ACCESS_KEY") })
	cmd.Env = append(cmd.Env, "GST_PLUGIN_PATH="+plugin, "CONTROL_PLANE_URI="+r.url)
	if r.ca != "" {
		cmd.Env = append(cmd.Env, "KVSSINK_CA_CERT_PATH="+r.ca)
	}
	return runFor(t, time.Minute, cmd)
}
