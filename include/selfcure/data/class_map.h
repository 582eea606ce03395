#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// A class name in the form in which names are compared: lower case, without blanks at the ends,
/// and one word for what the data sets call differently: surprise/surprised, happiness/happy,
/// sadness/sad, fear/fearful, anger/angry, disgust/disgusted, neutral/neutrality.
std::string canonical_class_name(std::string_view name);

/// Index of the class that has this name: the same spelling if there is one, else the first with
/// the same canonical name. A number is only ever a name here, never an index.
std::optional<std::size_t> find_class(const std::vector<std::string>& classes,
                                      std::string_view name);

/// "; did you mean 'fear'?", the end of a message about an unknown name: the names with the fewest
/// differing letters, at most three. Empty if about a third of the letters differ in every name.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& names);

/// The names as a message shows them: "[fear, anger]", cut after 20.
std::string class_list(const std::vector<std::string>& names);

/// @param where  start of the message
/// @throws DataError if a name is empty or two have the same canonical name
void require_distinct_classes(const std::string& where, const std::vector<std::string>& classes);

/// What becomes of rows whose class is none of the wanted ones.
enum class UnmappedClasses {
  /// An error that counts them.
  kStop,
  /// They are left out.
  kLeaveOut,
};

/// Says which classes to train on and how a data set's own classes turn into them.
struct ClassMap {
  /// Wanted classes in the wanted order; a subset of the data set's own is a subset of its rows
  /// (with `unmapped` kLeaveOut). Empty: the classes that `names` leads to, in the data set's own
  /// order.
  std::vector<std::string> classes;
  /// From a class of the data set to a wanted one; to "" leaves its rows out. A class that is not
  /// here becomes the wanted class of the same name. Names are compared by
  /// `canonical_class_name`.
  std::vector<std::pair<std::string, std::string>> names;
  /// Default kStop. For the classes that neither `names` nor their own name leads anywhere.
  UnmappedClasses unmapped = UnmappedClasses::kStop;
};

/// Gives a manifest other classes, by name.
///
/// Given and clean labels are renumbered; a row is left out, or an error, if either of its labels
/// leads nowhere (kUnknownLabel stays). Distributions are added up per wanted class and divided by
/// their sum (of kMultiTarget, the right classes share equally); a row with nothing left is treated
/// in the same way. A wanted class may be one that the data set lacks only if it is an
/// expression's usual name (neutral, happiness, ..., contempt), so that a misspelt one is found.
///
/// @throws DataError if a class of `map` is unknown (with the nearest known ones) or comes twice,
///         rows lead nowhere under kStop, or no row is left
Manifest map_classes(Manifest manifest, const ClassMap& map);

/// Joins data sets whose classes have the same names but another order or spelling, for example
/// RAF-DB and AffectNet.
///
/// All parts get the first part's classes; it may have classes that another part lacks.
/// @throws DataError as `map_classes` (except that each class of the first part may be missing
///         elsewhere) and `join` do
Manifest join_by_name(std::vector<Manifest> parts,
                      UnmappedClasses unmapped = UnmappedClasses::kStop);

}  // namespace selfcure
