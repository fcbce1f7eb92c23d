// The pictures of models/digits/pictures, one a digit: eight rows of eight grey
// values, 0 to g (16). From "Optical Recognition of Handwritten Digits" by
// E. Alpaydin and C. Kaynak (https://doi.org/10.24432/C50P49), CC BY 4.0.
const rows = [
  '002c7000 00fef600 06a42e10 08800850 07800480 02e00560 009c4e30 001df900',
  '00007g60 0004gg40 02bfgg70 0agdag40 01304g50 00007g70 00009g80 00009g60',
  '04gf2000 0bff7000 09a6e000 0007f000 000da000 001g7220 01cgfgf0 04gggcb0',
  '01cf5000 04f8f300 0031e400 004eg100 001aef40 00000c80 0484ag40 02cgd600',
  '000c7000 006f1100 01e8a800 06f0dc60 0efcgg90 0agfg810 000ag100 000c9000',
  '026ac100 0eda5100 0a600000 0adcc500 02857e80 000005c0 00221aa0 005gge10',
  '006e1000 00ca0000 03g10000 05e04200 07gggg50 04g609b0 00e85d90 005dgc10',
  '001eggf1 00be8db0 00f60e30 00515d10 000dgg90 002gf910 000b9000 003g2000',
  '001ed400 03fcbf00 08b17d00 01deg100 000ede20 002c0980 003d4c60 0009ed10',
  '008de500 05d4b900 04d1ce00 008ebc40 00000780 00000480 00220b70 008ggd20',
];

/** Ten lists of 64 grey values from 0 to 16. */
export const pictures = rows.map((row) =>
  Array.from(row.replaceAll(' ', ''), (digit) => parseInt(digit, 17)),
);
