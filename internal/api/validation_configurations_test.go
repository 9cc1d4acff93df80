package api_test

import "strings"

// What the facts of single members do not tell stands here; those are tried by
// TestEveryFactOfEveryMember.

func notificationRows() []validationRow {
	const p, at = "/updateNotificationConfiguration", "UpdateNotificationConfiguration: "
	with := configurations()[0].put
	return []validationRow{
		{at + "a topic", p, with(`{"Status":"ENABLED","DestinationConfig":{"Uri":"arn:aws:sns:us-west-2:111122223333:t"}}`), fine},
		{at + "one that is disabled needs its destination", p, with(`{"Status":"DISABLED"}`), badArg},
		{at + "a destination without address", p, with(`{"Status":"ENABLED","DestinationConfig":{}}`), badArg},
		{at + "an address without scheme", p, with(`{"Status":"ENABLED","DestinationConfig":{"Uri":"topic"}}`), badArg},
		{at + "an address with an asterisk", p, with(`{"Status":"ENABLED","DestinationConfig":{"Uri":"s3://b/a*"}}`), badArg},
		{at + "an empty configuration", p, with(`{}`), badArg},
		{at + "a status in another case", p, with(`{"Status":"enabled","DestinationConfig":{"Uri":"s3://b"}}`), badArg},
		{at + "constraints come before existence", p, `{"StreamName":"door","NotificationConfiguration":{}}`, badArg},
		{at + "existence comes before removal", p, `{"StreamName":"door"}`, missing},
	}
}

func imageRows() []validationRow {
	const p, at = "/updateImageGenerationConfiguration", "UpdateImageGenerationConfiguration: "
	c := configurations()[1]
	with := func(old, replacement string) string { return strings.Replace(c.put(c.full), old, replacement, 1) }
	quality := func(q string) string { return with(`{"JPEGQuality":"80"}`, q) }
	return []validationRow{
		{at + "SamplingInterval below 200 is refused", p, with(`3000`, `199`), badArg},
		{at + "SamplingInterval of 200 is accepted", p, with(`3000`, `200`), fine},
		{at + "SamplingInterval of 20000 is accepted", p, with(`3000`, `20000`), fine},
		{at + "SamplingInterval above 20000 is refused", p, with(`3000`, `20001`), badArg},
		{at + "SamplingInterval below nothing is refused", p, with(`3000`, `-3000`), badArg},
		{at + "JPEGQuality below 1 is refused", p, quality(`{"JPEGQuality":"0"}`), badArg},
		{at + "JPEGQuality of 1 is accepted", p, quality(`{"JPEGQuality":"1"}`), fine},
		{at + "JPEGQuality of 100 is accepted", p, quality(`{"JPEGQuality":"100"}`), fine},
		{at + "JPEGQuality above 100 is refused", p, quality(`{"JPEGQuality":"101"}`), badArg},
		{at + "JPEGQuality with a fraction is refused", p, quality(`{"JPEGQuality":"80.5"}`), badArg},
		{at + "JPEGQuality with a sign is refused", p, quality(`{"JPEGQuality":"-80"}`), badArg},
		{at + "JPEGQuality that is a word is refused", p, quality(`{"JPEGQuality":"high"}`), badArg},
		{at + "JPEGQuality that is a number is no text", p, quality(`{"JPEGQuality":80}`), badJSON},
		{at + "another key of FormatConfig is refused", p, quality(`{"PNGQuality":"80"}`), badArg},
		{at + "FormatConfig beside PNG is refused", p, with(`"JPEG",`, `"PNG",`), badArg},
		{at + "DestinationRegion must be the stream's", p, with(`"DestinationRegion":"us-west-2"`, `"DestinationRegion":"eu-west-1"`), badArg},
		{at + "DestinationRegion counts once the stream is found", p, strings.Replace(with(`"us-west-2"`, `"eu-west-1"`), `"cam"`, `"door"`, 1), missing},
		{at + "WidthPixels alone is accepted", p, with(`,"HeightPixels":480`, ``), fine},
		{at + "HeightPixels alone is accepted", p, with(`"WidthPixels":640,`, ``), fine},
		{at + "an empty configuration is refused", p, c.put(`{}`), badArg},
		{at + "constraints come before existence", p, `{"StreamName":"door","ImageGenerationConfiguration":{}}`, badArg},
	}
}

func storageRows() []validationRow {
	const p, at = "/updateStreamStorageConfiguration", "UpdateStreamStorageConfiguration: "
	with := func(v, tier string) string {
		return `{"StreamName":"cam","CurrentVersion":"` + v + `","StreamStorageConfiguration":{"DefaultStorageTier":"` + tier + `"}}`
	}
	return []validationRow{
		{at + "HOT", p, with("$version", "HOT"), fine},
		{at + "WARM", p, with("$version", "WARM"), fine},
		{at + "another tier", p, with("$version", "COLD"), badArg},
		{at + "a stale version", p, with("stale", "WARM"), staleV},
		{at + "constraints come before the version", p, with("stale", "COLD"), badArg},
	}
}

func channelRows() []validationRow {
	const (
		mapped, describe, update = "/describeMappedResourceConfiguration", "/describeMediaStorageConfiguration", "/updateMediaStorageConfiguration"
		channel                  = `"ChannelARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/c/1"`
	)
	with := func(configuration string) string {
		return `{` + channel + `,"MediaStorageConfiguration":` + configuration + `}`
	}
	return []validationRow{
		{"DescribeMappedResourceConfiguration: a token that somebody made up", mapped, `{"StreamName":"cam","NextToken":"AAAA"}`, badArg},
		{"DescribeMappedResourceConfiguration: two results", mapped, `{"StreamName":"cam","MaxResults":2}`, badArg},
		{"DescribeMediaStorageConfiguration: neither name nor ARN", describe, `{}`, badArg},
		{"DescribeMediaStorageConfiguration: the name alone", describe, `{"ChannelName":"c"}`, missing},
		{"DescribeMediaStorageConfiguration: the ARN alone", describe, `{` + channel + `}`, missing},
		{"DescribeMediaStorageConfiguration: name and ARN that agree", describe, `{"ChannelName":"c",` + channel + `}`, missing},
		{"DescribeMediaStorageConfiguration: name and ARN that disagree", describe, `{"ChannelName":"d",` + channel + `}`, badArg},
		{"DescribeMediaStorageConfiguration: the ARN of a stream", describe, `{"ChannelARN":"$arn"}`, badArg},
		{"UpdateMediaStorageConfiguration: enabled", update, with(`{"Status":"ENABLED","StreamARN":"$arn"}`), missing},
		{"UpdateMediaStorageConfiguration: enabled without stream", update, with(`{"Status":"ENABLED"}`), badArg},
		{"UpdateMediaStorageConfiguration: disabled without stream", update, with(`{"Status":"DISABLED"}`), missing},
		{"UpdateMediaStorageConfiguration: a channel as the stream", update, with(`{"Status":"ENABLED",` + strings.Replace(channel, "Channel", "Stream", 1) + `}`), badArg},
		{"UpdateMediaStorageConfiguration: a stream as the channel", update, `{"ChannelARN":"$arn","MediaStorageConfiguration":{"Status":"DISABLED"}}`, badArg},
	}
}

func edgeRows() []validationRow {
	const p, at = "/startEdgeConfigurationUpdate", "StartEdgeConfigurationUpdate: "
	with := func(old, replacement string) string {
		return strings.Replace(edgeBody("cam", hub("a")), old, replacement, 1)
	}
	rows := []validationRow{
		{at + "everything", p, with(``, ``), fine},
		{at + "nothing but what is required", p, `{"StreamName":"cam","EdgeConfig":` + smallEdgeValue(hub("a")) + `}`, fine},
		{at + "an uploader without schedule", p, with(`{"ScheduleConfig":{"ScheduleExpression":"0 0 3 ? * * *","DurationInSeconds":3600}}`, `{}`), badArg},
		{at + "a schedule without duration", p, with(`,"DurationInSeconds":60`, ``), badArg},
		{at + "an empty rule of deletion", p, with(`{"EdgeRetentionInHours":720,`, `{"Ignored":720,`), fine},
		{at + "a thing of another service", p, strings.ReplaceAll(with(``, ``), ":iot:", ":greengrass:"), badArg},
		{at + "a group of things", p, strings.ReplaceAll(with(``, ``), ":thing/", ":thinggroup/"), badArg},
		{at + "constraints come before existence", p, `{"StreamName":"door","EdgeConfig":{}}`, badArg},
		{"ListEdgeAgentConfigurations: a token that somebody made up", "/listEdgeAgentConfigurations", `{"HubDeviceArn":"` + hub("a") + `","NextToken":"AAAA"}`, badArg},
		{"ListEdgeAgentConfigurations: eleven results", "/listEdgeAgentConfigurations", `{"HubDeviceArn":"` + hub("a") + `","MaxResults":11}`, badArg},
	}
	for _, path := range []string{"/describeEdgeConfiguration", "/deleteEdgeConfiguration"} {
		rows = append(rows,
			validationRow{path[1:] + ": neither name nor ARN", path, `{}`, badArg},
			validationRow{path[1:] + ": name and ARN that disagree", path, `{"StreamName":"door","StreamARN":"$arn"}`, badArg},
			validationRow{path[1:] + ": a channel", path, `{"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/cam/1"}`, badArg},
			validationRow{path[1:] + ": an unknown stream", path, `{"StreamName":"door"}`, missing},
			validationRow{path[1:] + ": a stream that has none", path, `{"StreamARN":"$arn"}`, noEdge})
	}
	return rows
}
