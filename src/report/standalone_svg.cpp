#include "selfcure/report/svg_plot.h"

namespace selfcure {
namespace {

/// The dark colours of kPageStyle; the light ones are attributes of the shapes.
constexpr const char* kDarkStyle =
    "<style>@media (prefers-color-scheme:dark){.ink{color:#e4e8ed}.muted{color:#9aa5b1}"
    ".grid{color:#29303a}.paper{color:#181c22}.heat{color:#3d9ede}.on-heat{color:#0b0f14}"
    ".c0{color:#4aa8e0}.c1{color:#f08a3c}.c2{color:#2fc498}.c3{color:#e19ac1}.c4{color:#f2b63c}"
    ".c5{color:#8fd0f5}.c6{color:#b4bcc5}.c7{color:#d3bb3a}}</style>\n";

}  // namespace

std::string standalone_svg(const std::string& plot) {
  const std::size_t end_of_tag = plot.find(">\n");
  if (plot.rfind("<svg ", 0) != 0 || end_of_tag == std::string::npos) return plot;
  std::string text = plot;
  return text.insert(end_of_tag + 2, kDarkStyle);
}

}  // namespace selfcure
