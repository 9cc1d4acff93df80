// Command millrace is Kinesis Video Streams that people run themselves: the
// server, and the tools to put media in and to take them out.
//
// It promises that results go to standard output and talk to standard error,
// that --json makes both readable by programs, that there is no colour in a
// pipe, and that the first Ctrl-C ends a command in good order. What it does
// is done by the packages below it; here are flags, words and exit codes.
//
// Exit codes:
//
//	0    done; also a server, demo, watch, looped push, or live pull or frames that was ended by Ctrl-C
//	1    something went wrong
//	2    the command line or a setting is wrong
//	3    there is no such stream
//	4    refused: keys, signature or permission
//	5    the server cannot be reached, or is in trouble
//	6    a check found damage, or something that has to be mended
//	130  ended by Ctrl-C before it was done
package main
