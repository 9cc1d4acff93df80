package api

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/millrace/millrace"
)

const (
	// The distance of two images, in milliseconds. Of the longest one AWS's pages
	// know 20 s, and its model nothing.
	leastSampling = 200
	mostSampling  = 20_000

	// The greatest size of an image, in pixels.
	maxWidth  = 3840
	maxHeight = 2160

	// The format that FormatConfig is for, its one key, and the range of its value.
	jpegFormat     = "JPEG"
	jpegQuality    = "JPEGQuality"
	leastQuality   = 1
	mostQuality    = 100
	maxFormatValue = 256 // characters
)

var (
	destinationRegionPattern = regexp.MustCompile(`^[a-z]+(-[a-z]+)?-[a-z]+-[0-9]$`)
	formatValuePattern       = regexp.MustCompile(`^[a-zA-Z_0-9]+`)
)

// An imageConfiguration says which images of a stream would be made, and where
// they would go. It is kept and shown as it was given; nothing acts on it.
type imageConfiguration struct {
	Status       *string           `json:"Status,omitempty"`
	SelectorType *string           `json:"ImageSelectorType,omitempty"`
	Destination  *imageDestination `json:"DestinationConfig,omitempty"`
	Sampling     *int32            `json:"SamplingInterval,omitempty"`
	Format       *string           `json:"Format,omitempty"`
	FormatConfig map[string]string `json:"FormatConfig,omitempty"`
	Width        *int32            `json:"WidthPixels,omitempty"`
	Height       *int32            `json:"HeightPixels,omitempty"`
}

type imageDestination struct {
	URI    *string `json:"Uri,omitempty"`
	Region *string `json:"DestinationRegion,omitempty"`
}

func (i *imageConfiguration) check(c *checks) {
	const at = "imageGenerationConfiguration."
	c.choice(at+"status", i.Status, enabled, disabled)
	c.choice(at+"imageSelectorType", i.SelectorType, serverTimestamp, producerTimestamp)
	if i.Destination == nil {
		c.missing(at + "destinationConfig")
	} else {
		i.Destination.check(c, at+"destinationConfig.")
	}
	if i.Sampling == nil {
		c.missing(at + "samplingInterval")
	}
	c.integer(at+"samplingInterval", i.Sampling, leastSampling, mostSampling)
	c.choice(at+"format", i.Format, jpegFormat, "PNG")
	if i.FormatConfig != nil {
		c.formatConfig(at+"formatConfig", i.FormatConfig)
		if i.Format != nil && *i.Format != jpegFormat {
			c.fail(at+"formatConfig", jpegQuality, "Member must not be given for the format %s", *i.Format)
		}
	}
	c.integer(at+"widthPixels", i.Width, 1, maxWidth)
	c.integer(at+"heightPixels", i.Height, 1, maxHeight)
}

func (d *imageDestination) check(c *checks, at string) {
	c.destination(at+"uri", d.URI)
	c.required(at+"destinationRegion", d.Region, 9, 14, destinationRegionPattern)
}

// suits refuses a destination that is in another region than the stream, as its
// ARN has it: what a client signs for may be any.
func (d *imageDestination) suits(s millrace.Stream) error {
	if *d.Region == s.ARN.Region {
		return nil
	}
	var found checks
	found.fail("imageGenerationConfiguration.destinationConfig.destinationRegion", *d.Region,
		"Member must be the region of the stream, %s", s.ARN.Region)
	return found.err()
}

// formatConfig checks the map, which has one entry at most and at least.
func (c *checks) formatConfig(member string, config map[string]string) {
	if len(config) != 1 {
		c.fail(member, fmt.Sprintf("%d entries", len(config)), "Member must have length equal to 1")
		return
	}
	for key, value := range config {
		if key != jpegQuality {
			c.fail(member, key, "Map keys must satisfy enum value set: [%s]", jpegQuality)
			return
		}
		before := len(c.found)
		c.text(member+"."+key, value, 0, maxFormatValue, formatValuePattern)
		if n, err := strconv.Atoi(value); len(c.found) == before && (err != nil || n < leastQuality || n > mostQuality) {
			c.fail(member+"."+key, value, "Member must be an integer from %d to %d", leastQuality, mostQuality)
		}
	}
}
