# SPDX-License-Identifier: Apache-2.0
# expand.awk - puts files in the place of "%include FILE" lines. usage: awk -v dir=DIR -f expand.awk PAGE.scd
# A file that is not there ends in an error, which scdoc then sees as an empty page and refuses.
function put(path, line, status, any)
{
	while ((status = (getline line < path)) > 0) {
		print line
		any = 1
	}
	close(path)
	if (!any) {
		print "expand.awk: cannot read " path > "/dev/stderr"
		exit 1
	}
}

$1 == "%include" { put(dir "/" $2); next }
{ print }
