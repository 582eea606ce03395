#pragma once

namespace selfcure {

/// Style sheet of every page; see HtmlPage.
extern const char* const kPageStyle;

}  // namespace selfcure
