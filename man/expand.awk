# SPDX-License-Identifier: Apache-2.0
# expand.awk - puts files in the place of "%include FILE" lines. usage: awk -v dir=DIR -f expand.awk PAGE.scd
# After a file that is not there it prints what scdoc refuses, so that the build fails.
function put(path,    line, words, any)
{
	while ((getline line < path) > 0) {
		any = 1
		if (split(line, words) == 2 && words[1] == "%include")
			put(dir "/" words[2])
		else
			print line
	}
	close(path)
	if (!any) {
		print "expand.awk: cannot read " path > "/dev/stderr"
		print "```unreadable"
	}
}

$1 == "%include" && NF == 2 { put(dir "/" $2); next }
{ print }
