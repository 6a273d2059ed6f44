"""The levels of the design: one file for each factor, one entry with formula and reference for each level.

Every registry is a dict literal that `actbench.plan.registry` reads from the source, without importing torch. So
names, `arguments`, `bounds` and flags in it are literals. Formulas are plain text with these letters: z
pre-activation, h input of a layer, u output of its activation, W weight, b bias, g gradient, theta parameters.
"""
