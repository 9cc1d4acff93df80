package config

// awsRates returns the service's own rates, by operation. What the service
// bounds in another way than by requests is not here: GetClip, GetImages,
// ListFragments and GetMediaForFragmentList cost points alone. The resource of
// what players ask for is their session.
func awsRates() map[string]RateRule {
	rates := map[string]RateRule{}
	for _, class := range []struct {
		account, resource int
		operations        []string
	}{
		{300, 5, []string{"DescribeStream", "GetDataEndpoint", "DescribeSignalingChannel"}},
		{300, 0, []string{"GetSignalingChannelEndpoint"}},
		{50, 0, []string{
			"CreateStream", "ListStreams", "ListEdgeAgentConfigurations",
			"CreateSignalingChannel", "ListSignalingChannels",
		}},
		{50, 5, []string{
			"UpdateStream", "DeleteStream", "UpdateDataRetention",
			"TagStream", "UntagStream", "ListTagsForStream",
			"TagResource", "UntagResource", "ListTagsForResource",
			"DescribeNotificationConfiguration", "UpdateNotificationConfiguration",
			"DescribeImageGenerationConfiguration", "UpdateImageGenerationConfiguration",
			"DescribeStreamStorageConfiguration", "UpdateStreamStorageConfiguration",
			"DescribeMappedResourceConfiguration", "DescribeMediaStorageConfiguration", "DescribeEdgeConfiguration",
			"UpdateSignalingChannel", "DeleteSignalingChannel",
		}},
		{10, 5, []string{"UpdateMediaStorageConfiguration"}},
		{10, 1, []string{"StartEdgeConfigurationUpdate", "DeleteEdgeConfiguration"}},
		{0, 5, []string{"PutMedia", "GetMedia"}},
		{0, 25, []string{"GetHLSStreamingSessionURL", "GetDASHStreamingSessionURL"}},
		{0, 5, []string{"GetHLSMasterPlaylist", "GetHLSMediaPlaylist", "GetDASHManifest", "GetMP4InitFragment"}},
		{0, 20, []string{"GetMP4MediaFragment", "GetTSFragment"}},
	} {
		for _, name := range class.operations {
			rates[name] = RateRule{Operation: name, Account: class.account, Resource: class.resource}
		}
	}
	return rates
}
