"use strict";

exports.left = (have, sold) => Math.max(0, have - sold;
