package api

// A notificationConfiguration is where a stream's notifications would go. It is
// kept and shown as it was given; nothing acts on it.
type notificationConfiguration struct {
	Status      *string                  `json:"Status,omitempty"`
	Destination *notificationDestination `json:"DestinationConfig,omitempty"`
}

type notificationDestination struct {
	URI *string `json:"Uri,omitempty"`
}

func (n *notificationConfiguration) check(c *checks) {
	const at = "notificationConfiguration."
	c.choice(at+"status", n.Status, enabled, disabled)
	if n.Destination == nil {
		c.missing(at + "destinationConfig")
		return
	}
	c.destination(at+"destinationConfig.uri", n.Destination.URI)
}
