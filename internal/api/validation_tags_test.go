package api_test

func tagRows() []validationRow {
	set := func(tags string) string { return `{"StreamName":"cam","Tags":` + tags + `}` }
	resource := func(tags string) string { return `{"ResourceARN":"$arn","Tags":` + tags + `}` }
	untag := func(keys string) string { return `{"StreamName":"cam","TagKeyList":` + keys + `}` }
	const (
		create, tag, untagPath  = "/createStream", "/tagStream", "/untagStream"
		tagRes, untagRes, lists = "/TagResource", "/UntagResource", "/ListTagsForResource"
	)
	return []validationRow{
		{"2.8 a key of 128 characters", tag, set(`{"` + n("é", 128) + `":"v"}`), fine},
		{"2.8 a key of 129 characters", tag, set(`{"` + n("é", 129) + `":"v"}`), badArg},
		{"2.8 an empty key", tag, set(`{"":"v"}`), badArg},
		{"2.8 a value of 256 characters", tag, set(`{"k":"` + n("é", 256) + `"}`), fine},
		{"2.8 a value of 257 characters", tag, set(`{"k":"` + n("é", 257) + `"}`), badArg},
		{"2.8 an empty value", tag, set(`{"k":""}`), fine},
		{"2.8 every kind of character", tag, set(`{"Größe 1_.:/=+-@":"値 9_.:/=+-@"}`), fine},
		{"2.8 a key with an exclamation mark", tag, set(`{"k!":"v"}`), badArg},
		{"2.8 a value with a new line", tag, set(`{"k":"a\nb"}`), badArg},
		{"2.8 a value with half a surrogate", tag, set(`{"k":"\ud800"}`), badArg},
		{"2.8 a reserved key", tag, set(`{"aws:k":"v"}`), badArg},
		{"2.8 a reserved key in another case", tag, set(`{"AwS:k":"v"}`), badArg},
		{"2.8 a key that only begins like a reserved one", tag, set(`{"awsome":"v"}`), fine},
		{"2.8 the fiftieth tag", tag, set(`{"new":"v"}`), fine},
		{"2.8 the fifty-first tag", tag, set(`{"new":"v","newer":"v"}`), tooMany},
		{"2.8 fifty tags that all exist but one", tag, set(`{` + tagEntries(50) + `}`), fine},
		{"2.8 fifty-one tags in one request", tag, set(`{` + tagEntries(51) + `}`), badArg},
		{"2.8 an empty map", tag, set(`{}`), badArg},
		{"3.8 tags are required", tag, `{"StreamName":"cam"}`, badArg},
		{"3.8 tags on an unknown stream", tag, `{"StreamName":"door","Tags":{"a":"b"}}`, missing},
		{"3.8 tags as a list", tag, set(`[{"Key":"k","Value":"v"}]`), badJSON},
		{"3.8 no ARN, and no tags either", tag, `{"StreamARN":"cam","Tags":{}}`, badArg},
		{"3.8 no ARN, and a name that disagrees", tag, `{"StreamARN":"cam","StreamName":"a b","Tags":{"a":"b"}}`, badArg},

		{"3.1 tags at creation", create, `{"StreamName":"x","Tags":{` + tagEntries(50) + `}}`, fine},
		{"3.1 fifty-one tags at creation", create, `{"StreamName":"x","Tags":{` + tagEntries(51) + `}}`, badArg},
		{"3.1 an empty map at creation", create, `{"StreamName":"x","Tags":{}}`, badArg},
		{"3.1 a reserved key at creation", create, `{"StreamName":"x","Tags":{"aws:k":"v"}}`, badArg},
		{"3.1 a value of 257 characters at creation", create, `{"StreamName":"x","Tags":{"k":"` + n("v", 257) + `"}}`, badArg},

		{"3.8 untag", untagPath, untag(`["t0","t1"]`), fine},
		{"2.8 untag what is not there", untagPath, untag(`["nothing"]`), fine},
		{"2.8 untag the same twice", untagPath, untag(`["t0","t0"]`), fine},
		{"2.8 untag nothing", untagPath, untag(`[]`), badArg},
		{"2.8 untag fifty", untagPath, untag(`[` + keyEntries(50) + `]`), fine},
		{"2.8 untag fifty-one", untagPath, untag(`[` + keyEntries(51) + `]`), badArg},
		{"3.8 untag needs its list", untagPath, `{"StreamName":"cam"}`, badArg},
		{"2.8 untag an empty key", untagPath, untag(`[""]`), badArg},
		{"2.8 untag a key of 129 characters", untagPath, untag(`["` + n("k", 129) + `"]`), badArg},
		{"2.8 untag a key with an exclamation mark", untagPath, untag(`["k!"]`), badArg},
		{"1.8 untag a null", untagPath, untag(`[null]`), badJSON},
		{"3.8 untag an unknown stream", untagPath, `{"StreamName":"door","TagKeyList":["a"]}`, missing},

		{"3.8 list tags with an empty token", "/listTagsForStream", `{"StreamName":"cam","NextToken":""}`, fine},
		{"3.8 list tags with a token", "/listTagsForStream", `{"StreamName":"cam","NextToken":"AAAA"}`, badArg},
		{"3.8 list tags with a token that is none", "/listTagsForStream", `{"StreamName":"cam","NextToken":"!"}`, badArg},

		{"3.9 tag a stream by its ARN", tagRes, resource(`[{"Key":"k","Value":"v"}]`), fine},
		{"3.9 the ARN is required", tagRes, `{"Tags":[{"Key":"k","Value":"v"}]}`, badArg},
		{"3.9 a name is no ARN", tagRes, `{"ResourceARN":"cam","Tags":[{"Key":"k","Value":"v"}]}`, badArg},
		{"3.9 an unknown stream", tagRes, `{"ResourceARN":"$other","Tags":[{"Key":"k","Value":"v"}]}`, missing},
		{"3.9 a channel is unknown here", tagRes, `{"ResourceARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/cam/1705489836421","Tags":[{"Key":"k","Value":"v"}]}`, missing},
		{"3.9 a resource of another type", tagRes, `{"ResourceARN":"arn:aws:kinesisvideo:us-west-2:111122223333:thing/cam/1705489836421","Tags":[{"Key":"k","Value":"v"}]}`, badArg},
		{"3.9 an ARN of 1025 characters", tagRes, `{"ResourceARN":"` + longARN("channel", 1025) + `","Tags":[{"Key":"k","Value":"v"}]}`, badArg},
		{"3.9 tags are required", tagRes, `{"ResourceARN":"$arn"}`, badArg},
		{"3.9 an empty list", tagRes, resource(`[]`), badArg},
		{"3.9 tags as a map", tagRes, resource(`{"k":"v"}`), badJSON},
		{"3.9 a tag without key", tagRes, resource(`[{"Value":"v"}]`), badArg},
		{"3.9 a tag without value", tagRes, resource(`[{"Key":"k"}]`), badArg},
		{"3.9 a key twice", tagRes, resource(`[{"Key":"k","Value":"v"},{"Key":"k","Value":"w"}]`), badArg},
		{"3.9 a reserved key", tagRes, resource(`[{"Key":"AWS:k","Value":"v"}]`), badArg},
		{"3.9 a key of 129 characters", tagRes, resource(`[{"Key":"` + n("k", 129) + `","Value":"v"}]`), badArg},
		{"3.9 a value of 257 characters", tagRes, resource(`[{"Key":"k","Value":"` + n("v", 257) + `"}]`), badArg},
		{"3.9 the fifty-first tag", tagRes, resource(`[{"Key":"new","Value":""},{"Key":"newer","Value":""}]`), tooMany},

		{"3.9 untag by ARN", untagRes, `{"ResourceARN":"$arn","TagKeyList":["t0"]}`, fine},
		{"3.9 untag needs its ARN", untagRes, `{"TagKeyList":["t0"]}`, badArg},
		{"3.9 untag needs its list", untagRes, `{"ResourceARN":"$arn"}`, badArg},
		{"3.9 untag fifty-one", untagRes, `{"ResourceARN":"$arn","TagKeyList":[` + keyEntries(51) + `]}`, badArg},
		{"3.9 untag an unknown stream", untagRes, `{"ResourceARN":"$other","TagKeyList":["t0"]}`, missing},
		{"3.9 list by ARN", lists, `{"ResourceARN":"$arn"}`, fine},
		{"3.9 list needs its ARN", lists, `{}`, badArg},
		{"3.9 list with a token", lists, `{"ResourceARN":"$arn","NextToken":"AAAA"}`, badArg},
		{"3.9 list an unknown stream", lists, `{"ResourceARN":"$other"}`, missing},
		{"3.9 list a channel", lists, `{"ResourceARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/c/1"}`, missing},
	}
}

func listRows() []validationRow {
	const p = "/listStreams"
	condition := func(c string) string { return `{"StreamNameCondition":{` + c + `}}` }
	return []validationRow{
		{"3.3 one result", p, `{"MaxResults":1}`, fine},
		{"3.3 ten thousand results", p, `{"MaxResults":10000}`, fine},
		{"3.3 no results", p, `{"MaxResults":0}`, badArg},
		{"3.3 more than ten thousand results", p, `{"MaxResults":10001}`, badArg},
		{"3.3 an empty token is none", p, `{"NextToken":""}`, fine},
		{"3.3 a token that is not base64", p, `{"NextToken":"!"}`, badArg},
		{"3.3 a token that is cut", p, `{"NextToken":"AAA"}`, badArg},
		{"3.3 a token that somebody made up", p, `{"NextToken":"AQAAAAAAAAAAAAAAAAAAAAAAY2Ft"}`, badArg},
		{"3.3 a token of 1025 characters", p, `{"NextToken":"` + n("A", 1025) + `"}`, badArg},
		{"3.3 a condition", p, condition(`"ComparisonOperator":"BEGINS_WITH","ComparisonValue":"c"`), fine},
		{"3.3 a condition without operator", p, condition(`"ComparisonValue":"c"`), fine},
		{"3.3 a condition without value", p, condition(`"ComparisonOperator":"BEGINS_WITH"`), fine},
		{"3.3 a condition without either", p, condition(``), fine},
		{"3.3 another operator", p, condition(`"ComparisonOperator":"ENDS_WITH","ComparisonValue":"c"`), badArg},
		{"3.3 a value that is no name", p, condition(`"ComparisonOperator":"BEGINS_WITH","ComparisonValue":"c*"`), badArg},
		{"3.3 an empty value", p, condition(`"ComparisonOperator":"BEGINS_WITH","ComparisonValue":""`), badArg},
		{"3.3 a condition that is a text", p, `{"StreamNameCondition":"c"}`, badJSON},
	}
}

func endpointRows() []validationRow {
	const p = "/getDataEndpoint"
	rows := []validationRow{
		{"3.7 the API's name is required", p, `{"StreamName":"cam"}`, badArg},
		{"3.7 an API that is none", p, `{"StreamName":"cam","APIName":"PUTMEDIA"}`, badArg},
		{"3.7 an empty API", p, `{"StreamName":"cam","APIName":""}`, badArg},
	}
	for _, name := range []string{
		"PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_MEDIA_FOR_FRAGMENT_LIST",
		"GET_HLS_STREAMING_SESSION_URL", "GET_DASH_STREAMING_SESSION_URL", "GET_CLIP", "GET_IMAGES",
	} {
		rows = append(rows, validationRow{"3.7 " + name, p, `{"StreamName":"cam","APIName":"` + name + `"}`, fine})
	}
	return rows
}

func deleteRows() []validationRow {
	const p = "/deleteStream"
	return []validationRow{
		{"3.5 delete by ARN", p, `{"StreamARN":"$arn"}`, fine},
		{"3.5 delete with the version", p, `{"StreamARN":"$arn","CurrentVersion":"$version"}`, fine},
		{"3.5 delete with a stale version", p, `{"StreamARN":"$arn","CurrentVersion":"stale"}`, staleV},
		{"3.5 delete with a version that is none", p, `{"StreamARN":"$arn","CurrentVersion":""}`, badArg},
		{"3.5 there is no delete by name", p, `{"StreamName":"cam"}`, badArg},
		{"3.5 delete needs an ARN", p, `{"StreamARN":"cam"}`, badArg},
		{"3.5 delete of an unknown stream", p, `{"StreamARN":"$other"}`, missing},
		{"3.5 delete with another creation time", p, `{"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam/1705489836420"}`, missing},
		{"3.5 delete of a channel", p, `{"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/cam/1705489836421"}`, badArg},
	}
}
