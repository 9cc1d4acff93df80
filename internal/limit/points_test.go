package limit_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
)

func points(w *watch) *limit.Points {
	return limit.NewPoints(limit.Cost{Metadata: 10_000, Media: 500}, w.now)
}

// spent is how many of many requests are served at once.
func spent(p *limit.Points, stream string, c limit.Cost) (served int) {
	for p.Spend("Operation", stream, c) == nil && served < 100_000 {
		served++
	}
	return served
}

func TestWhatRequestsForArchivedMediaCost(t *testing.T) {
	for name, tc := range map[string]struct{ got, want limit.Cost }{
		"ListFragments":           {limit.ListFragments(1000), limit.Cost{Metadata: 1000}},
		"GetMediaForFragmentList": {limit.GetMediaForFragmentList(7), limit.Cost{Media: 7}},
		"GetClip":                 {limit.GetClip(200), limit.Cost{Metadata: 200, Media: 200}},
		"GetImages":               {limit.GetImages(100), limit.Cost{Metadata: 500, Media: 100}},
		"a playlist":              {limit.Playlist(5), limit.Cost{Metadata: 5}},
		"a fragment":              {limit.PlaybackFragment(), limit.Cost{Media: 1}},
	} {
		if tc.got != tc.want {
			t.Errorf("%s costs %+v, want %+v", name, tc.got, tc.want)
		}
	}
}

// TestOneSecondOfPoints has the call patterns that the service names as the
// most that its quotas allow.
func TestOneSecondOfPoints(t *testing.T) {
	for name, tc := range map[string]struct {
		cost limit.Cost
		want int
	}{
		"ListFragments of 1000":           {limit.ListFragments(1000), 10},
		"clips of 100 fragments":          {limit.GetClip(100), 5},
		"clips of 5 fragments":            {limit.GetClip(5), 100},
		"lists of 100 fragments":          {limit.GetMediaForFragmentList(100), 5},
		"fragments that players load":     {limit.PlaybackFragment(), 500},
		"playlists of 5 fragments":        {limit.Playlist(5), 2000},
		"manifests of 1000 fragments":     {limit.Playlist(1000), 10},
		"images, which cost most to find": {limit.GetImages(1), 24},
	} {
		if got := spent(points(newWatch()), "cam", tc.cost); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

func TestOperationsShareAStreamsPointsAndStreamsDoNot(t *testing.T) {
	p := points(newWatch())
	for range 2 {
		if p.Spend("GetClip", "cam", limit.GetClip(100)) != nil {
			t.Fatal("a clip was refused")
		}
	}
	if got := spent(p, "cam", limit.GetMediaForFragmentList(100)); got != 3 {
		t.Errorf("beside two clips %d lists", got)
	}
	if got := spent(p, "door", limit.GetMediaForFragmentList(100)); got != 5 {
		t.Errorf("of another stream %d lists", got)
	}
}

// TestAClipThatIsRefusedCostsNeitherQuota is L1 for the operation that needs
// both.
func TestAClipThatIsRefusedCostsNeitherQuota(t *testing.T) {
	p := points(newWatch())
	spent(p, "cam", limit.PlaybackFragment())
	for range 1000 {
		if p.Spend("GetClip", "cam", limit.GetClip(100)) == nil {
			t.Fatal("a clip without media points")
		}
	}
	if got := spent(p, "cam", limit.ListFragments(1000)); got != 10 {
		t.Errorf("1000 refusals have cost something: %d lists", got)
	}
}

func TestPointsComeBackEvenly(t *testing.T) {
	w := newWatch()
	p := points(w)
	spent(p, "cam", limit.GetClip(1))
	for range 10 {
		w.move(100 * time.Millisecond)
		if got := spent(p, "cam", limit.GetMediaForFragmentList(10)); got != 5 {
			t.Fatalf("%d lists of 10 in 100 ms", got)
		}
	}
	w.move(-time.Hour)
	if got := spent(p, "cam", limit.PlaybackFragment()); got != 0 {
		t.Errorf("an hour back: %d", got)
	}
}

// TestAListOfMoreThanAStreamHasIsServedAndOwed: the operation takes 1000
// fragments, the quota has 500.
func TestAListOfMoreThanAStreamHasIsServedAndOwed(t *testing.T) {
	w := newWatch()
	p := points(w)
	all := limit.GetMediaForFragmentList(1000)
	if err := p.Spend("GetMediaForFragmentList", "cam", all); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		cost  limit.Cost
		want  bool
	}{
		{999 * time.Millisecond, limit.PlaybackFragment(), false},
		{3 * time.Millisecond, limit.PlaybackFragment(), true},
		{997 * time.Millisecond, all, false},
		{3 * time.Millisecond, all, true},
	} {
		w.move(step.after)
		if err := p.Spend("Operation", "cam", step.cost); (err == nil) != step.want {
			t.Errorf("%v later: %v, want %v", step.after, err, step.want)
		}
	}
}

func TestARefusalOfPointsSaysWhichAndOfWhat(t *testing.T) {
	p := points(newWatch())
	spent(p, "cam", limit.GetClip(100))
	err := p.Spend("GetClip", "cam", limit.GetClip(1))
	if millrace.CodeOf(err) != millrace.CodeRateLimit {
		t.Fatalf("%v", err)
	}
	if got, want := err.(*millrace.Error).Message, "Limit exceeded on number of fragment media for GetClip API for resource 'cam'"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAQuotaOfNothingBoundsNothing(t *testing.T) {
	if p := limit.NewPoints(limit.Cost{}, nil); p.Spend("GetClip", "cam", limit.GetClip(1<<30)) != nil {
		t.Error("without quotas something was refused")
	}
	p := limit.NewPoints(limit.Cost{Media: 1}, newWatch().now)
	if p.Spend("ListFragments", "cam", limit.ListFragments(1<<30)) != nil || spent(p, "cam", limit.PlaybackFragment()) != 1 {
		t.Error("one quota is not the other")
	}
}
