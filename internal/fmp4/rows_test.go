package fmp4_test

// Where the rules of muxing are tested, in the order in which the notes on
// archived media have them.
//
//	7.2 boxes of the init segment, no edts, elst, sidx, udta   TestAnInitSegmentHasTheseBoxesAndNoOthers
//	7.2 brands                                                 TestTheBrandsOfAnInitSegment
//	7.2 mvhd tkhd mdhd hdlr vmhd trex                          TestTheHeadersOfAnInitSegment, TestTheHeadersOfSound
//	7.2 avc1, hvc1, av01                                       TestEntriesOfPictures, TestAnHEVCRecordIsWrittenAnewWhereItIsWrong
//	7.2 mp4a, Opus, alaw, ulaw; rates above 65,535 Hz          TestEntriesOfSound, TestTheConfigurationOfAACIsPassedOn, TestTheHeadOfOpusIsTurnedRound
//	7.2 pasp, colr                                             TestSamplesThatAreNotSquare, TestColoursThatTheParameterSetsName
//	7.2 depends on codec private data and kind alone           TestAnInitSegmentDependsOnTheMediaAlone
//	7.3 styp moof mdat, their headers, tfdt of version 1       TestASegmentHasTheseBoxesAndNoOthers, TestTheTimeOfASegmentIsOfVersionOneWhereverItStands
//	7.3 trun, signed offsets, none where all are 0             TestCompositionOffsetsAreThereWhereFramesAreReordered
//	7.3 decode times of any order of frames                    TestAnyOrderOfFrames
//	7.3 sample flags                                           TestSampleFlags
//	7.4 tfdt(k) and durations make tfdt(k+1)                   TestSegmentsFollowOneAnotherWithoutAHole
//	7.4 G.711: a block is a sample, timed by its bytes         TestG711IsTimedByItsBytes
//	7.5 what is left out, and what stays                       TestUnitsThatAreLeftOut
//	7.5 sets that differ from the codec private data           TestSetsThatThePrivateDataDoNotHave, TestSetsBehindOthersStay
//	7.5 no start codes in MP4                                  TestFramesThatCannotBeWritten, TestATrackBehindStartCodesIsConverted
//	9.3, 9.4 as others read it                                 TestMediaOfOthersIsReadBack, TestOthersDecodeWhatWasWritten (interop)
