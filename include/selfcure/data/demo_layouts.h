#pragma once

#include <string>
#include <vector>

#include "selfcure/data/demo_faces.h"

namespace selfcure {

/// The forms on disk in which the demo faces can be drawn.
enum class DemoLayout { kRafDb, kFerPlus, kAffectNet2017, kAffectNet2021, kWebEmotion, kFolders };

/// "raf_db", "ferplus", ..., as `data.dataset` names the reader.
std::string demo_layout_name(DemoLayout layout);
std::vector<DemoLayout> all_demo_layouts();

/// Draws a set of synthetic faces as a data set lies on disk; `write_demo_data` does kRafDb.
///
/// Where the data set has contempt and `class_count` is 7, each block of 25 faces has one of it:
/// one corner of the mouth pulled and tightened (AU 12 and 14 of one side).
/// - kFerPlus: folders with 48x48 grey PNG and `label.csv`; `fer2013new.csv` and `fer2013.csv` with
///   the same faces. The validation split is as large as the test's. Ten people vote on each face
///   by its intensity and ambiguity; a face in fifty gets mostly votes for NF, and after every
///   hundredth row both tables have one without a name. FER2013's own label is the second class
///   for three faces in ten.
/// - kAffectNet2017: faces inside larger pictures, with box, 68 landmarks on an average face's
///   outline, valence and arousal. `validation.csv` lacks its header. Three rows in fifty are of no
///   expression, uncertain or no face, the last with negative width.
/// - kAffectNet2021: `exp` as `<U1` in training and as an integer in validation.
/// - kWebEmotion: clips of eight frames in which the expression grows, `train_count + test_count`
///   frames in all. Every fifth clip is a video file if OpenCV can write one, and three in ten lie
///   in the folder of another class, as a search by keyword would have it. `manifest.csv` lists
///   them too.
/// - kFolders: `<split>/<class>/<name>.jpg`.
/// `demo_truth.csv` has file, class, intensity, ambiguity and second class of each face.
///
/// @return false if the root already held this very set and nothing was written
/// @throws DataError as `write_demo_data` does
bool write_demo_layout(const DemoDataOptions& options, DemoLayout layout,
                       const DemoProgress& progress = {});

}  // namespace selfcure
