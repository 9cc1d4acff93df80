package auth_test

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/auth"
)

// TestAConsumerTakesMediaInEveryForm: whoever may take a clip by GetClip, or make a
// link for players, may also take the same media as a file.
func TestAConsumerTakesMediaInEveryForm(t *testing.T) {
	consumer, _ := auth.RoleConsumer.Actions()
	camera, _ := auth.RoleCamera.Actions()
	for _, a := range []auth.Action{"GetMedia", "GetClip", "GetHLSStreamingSessionURL", "GetAvailability", "GetMediaFile", "GetMediaFileURL"} {
		if !slices.Contains(consumer, a) {
			t.Errorf("a consumer may not call %s", a)
		}
		if slices.Contains(camera, a) {
			t.Errorf("a camera may call %s", a)
		}
	}
}
